"""The progress bar: it moves while training runs and leaves one line that is the same everywhere."""

import time

import IPython.display
import pytest

from lessonlib.training import ProgressBar


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in order; the clock moves one second per look."""
    contents = []

    class Display:
        def update(self, content):
            contents.append(content.data)

    def display(content, display_id):
        contents.append(content.data)
        return Display()

    seconds = iter(range(1, 1000))
    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    return contents


def test_the_bar_moves_and_the_last_line_holds_no_time(shown):
    with ProgressBar(2, "small <network>") as bar:
        bar.on_batch(1, 5, 10)
        bar.on_batch(2, 10, 10)
    assert 'value="0.2500"' in shown[1]
    assert 'value="1.0000"' in shown[2]
    assert shown[-1] == "<p>small &lt;network&gt;: 2 epochs, done.</p>"


def test_an_interrupted_training_says_so_and_the_error_goes_on(shown):
    with pytest.raises(KeyboardInterrupt), ProgressBar(2, "network"):
        raise KeyboardInterrupt
    assert shown[-1] == "<p>network: stopped by KeyboardInterrupt.</p>"


def test_calls_within_a_fifth_of_a_second_are_not_sent(shown, monkeypatch):
    with ProgressBar(1, "network") as bar:
        bar.on_batch(1, 1, 100)
        sent = len(shown)
        monkeypatch.setattr(time, "perf_counter", lambda: bar._next_update - 0.01)
        bar.on_batch(1, 2, 100)
        assert len(shown) == sent

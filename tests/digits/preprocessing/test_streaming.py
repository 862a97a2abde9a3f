"""Working through many items: in order, chunk by chunk, by threads or by processes."""

import os
import threading

import pytest

from pipeline.digits.preprocessing import streaming, workers
from pipeline.digits.preprocessing.streaming import WORTH_PROCESSES, in_chunks


def process_of(item):
    return item, os.getpid()


def test_work_comes_back_in_order_and_one_chunk_ahead():
    started = []

    def work(item):
        started.append(item)
        return item * 10

    for number, results in enumerate(in_chunks(work, range(20), 4)):
        assert results == [10 * item for item in range(4 * number, 4 * number + 4)]
        assert len(started) <= 4 * (number + 2)
    assert list(in_chunks(work, [], 4)) == []


def test_the_next_chunk_begins_before_the_last_of_this_one_ends(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 2)
    begun = threading.Event()

    def work(item):
        if item == 4:
            begun.set()
        return item != 3 or begun.wait(10)

    assert all(map(all, in_chunks(work, range(8), 4)))


@pytest.mark.parametrize("chunk_size", [64, 256])
def test_a_chunk_is_shared_out_to_every_process(monkeypatch, chunk_size):
    monkeypatch.setattr(streaming, "cores", lambda: 16)
    sizes = []
    monkeypatch.setattr(streaming, "processes", workers.threads)
    monkeypatch.setattr(
        streaming, "work_through", lambda work, items: sizes.append(len(items)) or items
    )
    list(in_chunks(abs, range(8192), chunk_size, by_processes=True))
    assert set(sizes) == {chunk_size // 16}


def test_many_things_are_worked_on_by_processes_and_few_in_this_one():
    def processes(count, **options):
        chunks = list(in_chunks(process_of, range(count), 100, **options))
        results = [result for chunk in chunks for result in chunk]
        assert [item for item, _ in results] == list(range(count))
        assert [len(chunk) for chunk in chunks[:-1]] == [100] * (len(chunks) - 1)
        return {process for _, process in results}

    assert os.getpid() not in processes(WORTH_PROCESSES, by_processes=True)
    assert processes(WORTH_PROCESSES - 1, by_processes=True) == {os.getpid()}
    assert processes(WORTH_PROCESSES) == {os.getpid()}

"""Parts of a data set in this process, in place of workers: the same messages, without a network."""

import pickle
import time
from types import SimpleNamespace

from fastanchor.distributed._crew import Crew
from fastanchor.distributed._index import ClusterIndex
from fastanchor.distributed._part import Part
from fastanchor.distributed._shard import Consecutive
from fastanchor.engine import BoxIndex, GridSpec, Survey, survey

__all__ = ["Simulated"]


class Link:
    """Calls parts directly, and measures the processor time inside them."""

    def __init__(self):
        self.inside = 0.0

    def start(self, source, deadline):
        part = Part(pickle.dumps(None))
        part._shard = source.shard
        return part

    def send(self, part, data):
        start = time.process_time()
        answer = part.call(data)
        self.inside += time.process_time() - start
        return answer

    def receive(self, sent, deadline):
        return sent

    def where(self, part):
        return "here"

    def check(self):
        pass


class Simulated(ClusterIndex):
    """A ClusterIndex over parts in this process."""

    def __init__(self, pieces):
        spec = GridSpec.of(Survey.merged([survey(piece, threads=1) for piece in pieces]))
        sources, first = [], 0
        for piece in pieces:
            sources.append(SimpleNamespace(shard=Consecutive(piece, spec, first, threads=1), names=("memory",)))
            first += len(piece)
        self.link = Link()
        self._crew = Crew(self.link, sources, 600.0)
        self._crew.start()
        for place in self._crew.places:
            place.held, place.nbytes = len(place.source.shard), place.source.shard.nbytes
        self.shards = tuple(self._crew.places)
        super(BoxIndex, self).__init__(self.shards, self._crew.map)

"""Anchors of data sets on a Dask cluster, with the answers of one machine.

:class:`ClusterIndex` is an engine, see :mod:`fastanchor.engine`: the box index, whose shards are on workers. There is
no scheduler here; Dask starts processes, moves messages and restarts what dies.

**A part** (``_part.Part``) is a Dask actor with one shard, not pinned to a worker. It reads its units, one by one
(``_sources``), reports their extent and a sample, and sorts its boxes into the common grid. Then it answers the
questions of ``engine._reduce``; runs of k-means stay with it.

**The crew** (``_crew.Crew``) sends a question to all parts and collects one answer from each, with a deadline. It has
the calls that made each part and its runs. If a worker is lost, the part is made again from its source on another
worker, the calls are repeated, and the question is asked again; so the answer is the same, or an error says what was
lost. ``_cluster`` is the only module that knows Dask.
"""

from __future__ import annotations

from fastanchor.distributed._index import ClusterIndex

__all__ = ["ClusterIndex"]

"""One suite for all venues: captures and frames of others, books, faults, fuzz.

The suite finds venues by their folders. A venue gives it one module,
``tests/extrema_nb/venues/<venue folder>/conformance.py``, with one name, ``CASES``::

    from tests.conformance.spec import Capture, Cases, Frames, Oracle

    CASES = Cases(
        symbols=("BTCUSDT", "ETHUSDT"),     # every symbol that occurs in what follows
        captures=(
            Capture("binance_spot/capture/btcusdt_20240808.gz"),            # LOCAL {json} lines
            Capture("okx/capture_cryptofeed/20220513/OKX.ws.1.0.txt.gz", format="cryptofeed"),
        ),
        frames=(Frames("okx/frames/jkorf_subscriptions.json", format="pushes"),),
        oracle=Oracle("okx/frames/tardis_mapper_pairs.jsonl", dialects=("okex-v5",), least=10),
        samples={"trade": b'{"arg":…}'},    # a small frame of each channel, for fuzz and fields
    )

Paths are relative to the folder of captured data (fixture ``shared_data``). `spec` documents every
field. What is checked, for each venue:

==============  ==================================================================================
captures        each frame decodes; nothing is unknown but what `Cases.unknown` names; rows are
                whole messages; books have as many gaps as `Capture.gaps` says, are never crossed,
                agree with best prices of the same sequence number, and with the levels of
                snapshots that were taken meanwhile
frames, oracle  frames of other projects decode or are known strangers; an independent mapper's
                rows are ours, but for the tests that `Oracle.differs` names with the reason
answers         recorded answers of REST say what an independent client reads in them
samples         unknown extra fields change nothing; a known field that is wrong is refused with
                the frame quoted and shortened; any bytes at all raise the decode error or nothing
compiled        where a venue has compiled decoders, they give the same rows and refusals, byte for
                byte, for captures and garbled samples cut into bursts of any size
faults          of the first capture with a book: lines dropped, doubled, swapped and cut at random,
                and a connection that closes, are found, marked and healed by a snapshot; a book
                that claims to be good is good
==============  ==================================================================================

``python -m tests.conformance [VENUE …] [--json]`` prints a table venue × channel × messages ×
mismatches; it exits with 1 if anything differs. What only one venue has (checksums) enters the
table through `Cases.own`.

A venue without a module of that name fails the suite.
"""

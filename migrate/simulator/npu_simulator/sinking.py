"""Which operators cannot run on the device, by their TensorFlow type.

Without mix_compile_mode the adapter offloads the whole graph, apart from datasets and iterators
(om_partition_subgraphs_pass.cc), and a graph with one of these operators does not compile. With
it they stay on the host. Operators that save and restore, that write summaries, and what checks
that variables are initialized, work with strings as well; those the device's software handles.

Source: CANN, TensorFlow 1.15 Model Porting, constraints: no queue-runner input; strings only in
data, summary and log operators; no float64 and complex types.
"""

import functools
from typing import Optional, Tuple

_QUEUES = ("Queue", "Barrier", "Reader", "RecordInput", "FakeQueue")
_STAGES = frozenset("Stage Unstage StageSize StagePeek StageClear MapStage MapUnstage".split())
_PYTHON = frozenset("PyFunc PyFuncStateless EagerPyFunc".split())
_PRINTS = frozenset("Print PrintV2".split())
_FILES = frozenset("ReadFile WriteFile MatchingFiles".split())
_STRINGS = frozenset(
    "AsString StringFormat StringJoinV2 StringLength StringLower StringUpper StringNGrams "
    "StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast "
    "StringToHashBucketStrong StringToNumber Substr ReduceJoin RegexReplace StaticRegexReplace "
    "RegexFullMatch StaticRegexFullMatch UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode "
    "UnicodeScript UnicodeTranscode UnsortedSegmentJoin EncodeBase64 DecodeBase64 "
    "DecodeRaw DecodePaddedRaw DecodeCSV DecodeCompressed DecodeJSONExample DecodeProtoV2 "
    "EncodeProto ParseExample ParseSingleExample ParseSequenceExample ParseSingleSequenceExample "
    "ParseTensor SerializeTensor "
    "DecodeJpeg DecodePng DecodeBmp DecodeGif DecodeImage DecodeWav DecodeAndCropJpeg "
    "EncodeJpeg EncodeJpegVariableQuality EncodePng EncodeWav ExtractJpegShape".split()
)
_TABLES = ("LookupTable", "HashTable", "InitializeTable", "MutableDenseHashTable")
# A value of a wide type harms nobody until something computes with it.
_VALUES = frozenset("Const Placeholder PlaceholderWithDefault Identity IteratorGetNext".split())
_WIDE = frozenset("float64 complex64 complex128".split())


@functools.lru_cache(maxsize=None)
def why_on_host(kind: str, types: Tuple[str, ...] = ()) -> Optional[str]:
    """Returns what makes an operator run on the host only; None if nothing does.

    Args:
        kind: TensorFlow's type of the operator, such as "PyFunc".
        types: names of its results' data types, such as "float32".
    """
    if kind in _PYTHON:
        return "Python function"
    if kind in _STAGES or any(part in kind for part in _QUEUES):
        return "queue"
    if kind in _STRINGS or kind in _FILES:
        return "string"
    if any(part in kind for part in _TABLES):
        return "lookup table"
    if kind in _PRINTS:
        return "print"
    wide = _WIDE.intersection(types)
    if wide and kind not in _VALUES:
        return sorted(wide)[0]
    return None

"""Pages for the findings that come from reading and from the gates, not from a rule."""

from __future__ import annotations

PAGES = {
    "NPU900": """A rewritten file failed a gate and was left as upstream has it.

After every rewrite the kit checks that edits do not touch the same text, that the result parses
as Python 3.7 if the original did (by a real Python 3.7 where one is found), that every comment is
still there, and that the file's own encoding can say the result. A failure is a bug of a rule,
never of the project: the file stays as it was, the command exits with 1. Port the file by hand,
and report it.""",
    "NPU902": """A Python file cannot be read and is copied unchanged.

It is not Python 3.7 (nor Python 2 that the fixer could turn into it), not text in the encoding it
declares, or so large that it is taken for generated data. A file for a later Python, with a walrus,
positional-only parameters or `match`, is none that TensorFlow 1.15.0 can run. The rest of the
project is ported. If training needs the file, port it by hand. Where it names TensorFlow or Keras,
and a Session or what trains, it is an error: what could not be configured would train on the host,
silently.""",
    "NPU903": """A rule failed with an internal error and was left out for this file.

The other rules' edits are kept. Report it with the file that caused it.""",
    "NPU904": """A rule would change its own output again.

Porting a port must change nothing; the kit runs every rule a second time over what it wrote.
The file stays as upstream has it. Report it with the file that caused it.""",
    "NPU905": """A notebook is copied as it is.

Rules work on Python files. Export the notebook as a script to have it ported.""",
    "NPU906": """A Python script is copied as it is, since its name does not end in .py.

Only its first line (`#!/usr/bin/env python`) tells that it is one; rules work on files named .py.
Rename it upstream, or in a fork that the lock pins, or port it by hand. Where it names TensorFlow
it is a warning; where it names a Session or what trains, too, it is an error: what could not be
configured would train on the host, silently.""",
    "NPU910": """An entry of the upstream tree cannot be part of a port and was skipped.

Submodules are not taken, nor are symbolic links, but those from one Python file's name to another
Python file of the project: such a link stays, and what it leads to is ported. Where Python code is
reached through what was skipped, the finding is an error. Leave it out in the recipe
(leave_out), or bring the files in by hand.""",
    "NPU911": """A file's name is hostile or not portable, and the file was refused.

Names with `..`, `.git` in any disguise, control characters, backslashes or drive letters could
write outside of the port or cannot exist everywhere.""",
    "NPU912": """Two names differ only in letter case.

They cannot both exist on every file system. Leave one out in the recipe (leave_out).""",
    "NPU913": """A file is only a pointer to Git LFS.

Its content is not in the repository. It is copied as it is; fetch the content by hand if training
needs it.""",
    "NPU914": """A manifest of this kit among the upstream files is not taken.

The upstream is a port itself. Each port has a manifest of its own.""",
    "NPU915": """An upstream file was replaced by the runtime that the port carries.

The folder `npu_runtime` belongs to the kit: ported files import its functions from there. Where
upstream is an older port, that is as it should be; else rename upstream's folder.""",
    "NPU916": """A script of the port was not written, or would not train as it is.

run.sh, npu_boot.py and the scripts in test/ start the script that trains: the first of the recipe's
`entries`, else the only script that trains: a file with `if __name__ == "__main__"`, or one that no
other imports and whose own code trains. Where several do, or none was found, say which in the
recipe: `entries = ["train.py"]`. test/train_performance_1p.sh needs arguments that
shorten a training, never an edit: `[harness]` with `performance = "--epochs 1"`, unless a flag with
a usual name, such as --max_steps, tells the number of steps. A script that trains only with a flag,
such as --do_train, has to be given it: `[harness]` with `arguments = "--do_train"`.""",
    "NPU917": """Upstream has a file where one of the port's scripts would go.

It is never overwritten: the port's own gets another name, or is left out where ModelZoo's harness
knows it only by that name. Leave upstream's out in the recipe (leave_out) to have the port's in
its place.""",
    "NPU918": """The boot file passes folders to a script whose flags no rule could move.

npu_boot.py (ModelArts) brings the data to a local folder and takes the outputs from another. A flag
whose default is an absolute place, or nothing, gets one of them unless somebody gives the flag; a
relative value of such a flag is taken below it. By name and by what the script does there, a flag
is one of data or of outputs; `[rules.NPU501.places]` in the recipe says otherwise, or "keep".""",
}

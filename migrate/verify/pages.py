"""Pages for what verify finds out by running a port, and for a check that fails itself."""

from __future__ import annotations

PAGES = {
    "CHK903": """A static check failed with an internal error.

The other checks' findings are there; what this one would find is not. Report it with the port that
caused it.""",
    "CHK950": """The port did not run to its end.

It crashed, was stopped by a limit (time, memory, disk, output), or data is missing. The report has
the last lines that it printed, of libraries' stacks only the innermost frames; the place is the
innermost line of the project's own in a traceback, or where it made the operator that failed. It
ran in a copy of the port, with an empty home and none of your environment but the language: what it
needs must be in the port, or be made by the recipe's `[[smoke.data]]`.""",
    "CHK951": """The simulated device would refuse, or silently ignore, something.

An option that the adapter does not know or that has an illegal value, a graph with operators that
cannot run on the device, a collective that does not fit. Each names the place and says what to do.
What the real adapter ignores without a word is an error here.""",
    "CHK952": """The port made fewer training steps than asked for.

A training step is a run that executes an optimizer's kernel (ApplyAdam and the like). Give the
command more data or steps in the recipe's `[[smoke.run]]`, or see why it stopped early.""",
    "CHK953": """The port wrote no checkpoint, or restored none, though it is to.

What a run has to do stands under `expect` in the recipe's `[[smoke.run]]`. A training that cannot
continue from its checkpoint is lost with its machine.""",
    "CHK954": """A session that trains is not on the device.

It executed an optimizer's kernel, but its configuration has no NpuOptimizer, so on an Ascend
machine it would train on the host, silently. `npu_session_config` of the port's runtime gives it
one, and `npu_run_config` those of an Estimator; `migrate explain NPU101` and NPU102 have the
reasons.""",
    "CHK955": """The program opened no session that could be recorded.

Either it uses no TensorFlow session at all, or it started Python with -E, -I or -S, or with an
environment of its own, so that the simulator was not loaded.""",
    "CHK960": """Upstream and port do not give the same numbers.

Both train under TensorFlow 1.15.0 on this machine, with the same seeds and in a fixed order;
upstream with nothing but the compat patch. Each scalar that both fetch is compared in the order in
which it is fetched, and of each array a sum in which every value counts by its sign and place.
Bit-equal is what is expected; 1e-6 relative is allowed, or what the recipe
states as `tolerance` with its reason. The first step and tensor that differ say where to look.""",
    "CHK961": """Not everything could be compared.

One side fetched a tensor that the other did not, or more often. The port then trains in another
way, or a rewrite renamed a tensor.""",
    "CHK962": """Upstream itself does not run, so that there is nothing to compare with.

The baseline is upstream at the pin with the compat patch. What it needs to start on a CPU and the
port does not (such as a flag that puts its clones there) is `baseline` in the recipe's
`[[smoke.run]]`. Packages that it imports have to be in the environment of TensorFlow 1.15.0;
Horovod need not: the port's own stands in for it, with one process.""",
    "CHK980": """In fp16 gradients vanish: of some variables each value is 0, and not so in fp32.

Those variables are not trained. The port trained in its own precision mode; operands and results of
convolutions and matrix products were rounded to fp16, in which what is below 2^-24 is 0. A loss
scale lifts gradients above that: `migrate explain NPU201`. It was off (NPU_LOSS_SCALE), an
optimizer is not wrapped, one applies what tf.gradients computes instead of npu_gradients, or the
project makes its loss very small, by a factor of its own.

Emulation on a CPU cannot tell which other operators the release computes in fp16, how the device
adds up within a product, how many steps a dynamic loss scale needs to settle (here it begins at
2^15, or at 2^32 where that may help, and falls fast), what Keras functions do, nor what accuracy a
whole training reaches.""",
    "CHK981": """In fp16 each training step of some variables overflows, so that they never change.

As a warning, it says that there were too few steps to tell: a dynamic loss scale falls for some
steps before it fits, here 2^4 at a time from 2^15. `--steps 20` is enough.

As an error: numbers above 65504 appear on the way to the gradients, at each loss scale: masks
such as -1e9, sums over many values, a division by a tiny epsilon. `migrate port` lists constants
that do not fit fp16 (`migrate explain NPU202`). Keep those operators in fp32 (NPU_MODIFY_MIXLIST,
NPU_OP_PRECISION_MODE), change the constant, or train in fp32 (NPU_PRECISION_MODE=none).""",
    "CHK982": """A training fails where numbers are rounded to fp16, or in fp32 beside that.

Often the program checks its loss (tf.check_numerics, an assertion that it is finite), and the loss
is inf or NaN in fp16. The place is the innermost line of the project's own in the traceback.""",
    "CHK970": """A unit test of upstream's passes on upstream, but not on the port.

Both ran with the same Python and TensorFlow, upstream with the compat patch. Files of tests are run
that name changed code, or code that does, and so on; the others are the same program on both
sides.""",
    "CHK971": """No unit test of upstream's passes even on upstream.

So they say nothing about the port; see how pytest ended.""",
    "CHK972": """A file of upstream's unit tests was stopped by a limit, on upstream already.

Each file has 15 minutes. What had ended until then is compared.""",
    "CHK973": """Gradients are not averaged over the ranks.

What each optimizer's operator is given was fetched in the same training run, before it changed its
variable. It must come out of a reduction over all ranks, be their mean, and be the same on all.
What a rank gives to the reduction is compared with what comes out by two weighted sums, so that
clipping and unscaling after the averaging do no harm; gradients that variables accumulate are left
out.""",
    "CHK974": """Several ranks train on the same data, or on the same noise.

Either all ranks computed the same gradients, to the bit, in every training run; or more than a
tenth of the rows that they took from iterators and queues, or were fed, went to several of them
before any came again. In verify's runs chance differs by rank, as it does on devices: only seeds
that the program sets itself make ranks draw the same numbers. Of what is fed as NumPy's functions
(`np.random.normal` and the like) drew it, it is said that it is noise. Of what generators of the
program's own drew, and of what was changed since, that is not known.""",
    "CHK975": """Variables differ between the ranks.

Those that are trainable or that an optimizer changes, its slots included, must be the same on all
ranks after the same number of training runs. Moving averages of batch normalization are of each
rank's own data; the report counts them apart. The first step and variable that differ say where to
look: before the first step, initial variables were not broadcast.""",
    "CHK976": """Data is not split so that each rank gets another part.

Elements are watched where `dataset.shard` and `npu_shard` split them, batches by their rows. Of
those that all ranks have read, exactly one rank must keep each. Ranks that shuffle differently
before they split keep some elements twice and lose others. A warning says that nothing of this
kind was seen; a program that slices its lists of files by itself may still be right.""",
    "CHK977": """Several ranks write the same file.

All ranks of a server run in one folder. Two that write one checkpoint, or event files into one
folder, spoil it; of samples and logs the last one stays.""",
}

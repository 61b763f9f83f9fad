"""Writes what ModelZoo's harness reads: the speed, time, loss and accuracy of a training.

Run as a script, by those in test/; needs no TensorFlow. What was not measured is None.

Speed comes from the step log (steps.py). Where a program has several kinds of steps, as a GAN has,
its speed is the examples of the most frequent kind over the time of all of them. Of several ranks
the speed is the sum over their step logs; ranks of other servers, whose logs are not here, are
taken for as fast as these on average. The time of a step is that of the slowest rank. Loss and
accuracy are what the program's own log says last.
"""

import argparse
import json
import os
import platform
import re
import sys


def main(argv=None):
    """Writes <CaseName>.log, and train_<CaseName>_loss.txt, beside the training's log.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--network", required=True)
    parser.add_argument("--kind", choices=("acc", "perf"), required=True)
    parser.add_argument("--batch_size", default="")
    parser.add_argument("--rank_size", type=int, default=1)
    parser.add_argument("--seconds", required=True, help="of wall time, from start to end")
    parser.add_argument(
        "--steps", nargs="+", required=True, help="the step log of each rank of this server"
    )
    parser.add_argument("--log", required=True, help="what the training printed")
    parser.add_argument("--loss", default="", help="pattern with one group")
    parser.add_argument("--accuracy", default="", help="pattern with one group")
    options = parser.parse_args(argv)

    with open(options.log, encoding="utf-8", errors="replace") as file:
        text = file.read()  # a progress bar's carriage returns are line ends here
    losses = _numbers(options.loss, text)
    accuracies = _numbers(options.accuracy, text)
    rate, step = speed_of_all(options.steps, options.rank_size)
    batch = options.batch_size or None
    case = "%s_bs%s_%sp_%s" % (options.network, batch, options.rank_size, options.kind)
    results = (
        ("Network", options.network),
        ("RankSize", options.rank_size),
        ("BatchSize", batch),
        ("DeviceType", platform.machine()),
        ("CaseName", case),
        ("ActualFPS", _rounded(rate)),
        ("TrainingTime", _rounded(step)),
        ("TrainAccuracy", accuracies[-1] if accuracies else None),
        ("ActualLoss", losses[-1] if losses else None),
        ("E2ETrainingTime", options.seconds),
    )
    folder = os.path.dirname(options.log)
    _write(os.path.join(folder, case + ".log"), ["%s = %s" % result for result in results])
    _write(os.path.join(folder, "train_%s_loss.txt" % case), losses)
    found = dict(results)
    print("------------------ Final result ------------------")
    print("Final Performance images/sec : %s" % found["ActualFPS"])
    print("Final Performance ms/step : %s" % found["TrainingTime"])
    print("Final Train Accuracy : %s" % found["TrainAccuracy"])
    print("E2E Training Duration sec : %s" % found["E2ETrainingTime"])
    return 0


def speed_of_all(paths, ranks):
    """As `speed`, of all ranks together; None where one of the logs does not say it.

    Args:
        paths: the step logs of this server's ranks.
        ranks: how many ranks train, on all servers.
    """
    rates, steps = zip(*(speed(path) for path in paths))
    rate = None if None in rates else sum(rates) * ranks / len(rates)
    return rate, None if None in steps else max(steps)


def speed(path):
    """Examples per second and milliseconds per step; None for what the step log does not say.

    Args:
        path: the step log, whose last line for each kind of step counts.
    """
    kinds = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # cut off: the training was killed as it wrote
                kinds[entry["steps"]] = entry
    if not kinds:
        return None, None
    seconds = sum(kind["count"] * kind["seconds_per_step"] for kind in kinds.values())
    most = max(kinds.values(), key=lambda kind: kind["count"])
    step = seconds / most["count"]
    examples = most.get("examples_per_step")
    return examples / step if examples and step else None, step * 1000


def _numbers(pattern, text):
    return re.findall(pattern, text, re.MULTILINE) if pattern else []


def _rounded(value):
    return None if value is None else "%.2f" % value


def _write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())

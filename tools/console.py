"""What all tools have in common as commands: how they end, and how they count."""

import os
import pathlib
import signal
import sys

from lab import Failure


def run(main):
    """Ends the process with the status that main() returns. A Failure is said in a line. Ctrl-C ends it without one, and
    so does a reader who has had enough of its output, such as `head`."""
    status = 0
    try:
        try:
            status = main()
        except Failure as failure:
            status = f"{pathlib.Path(sys.argv[0]).name}: {failure}"
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as end:  # argparse's
            status = end.code
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left when it ends
        status = status or 128 + signal.SIGPIPE
    sys.exit(status)


def counted(number, one, many=""):
    """`1 frame`, `2 frames`."""
    return f"{number} {one if number == 1 else many or one + 's'}"

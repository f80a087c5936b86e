"""Counts what was checked, what failed, and what could not be checked on this machine."""

import os
import time


class Report:
    """One line a check. A part that lacks a tool is not checked; in CI that is a failure, unless the part is allowed to lack it."""

    def __init__(self, quiet=False):
        self.passed, self.failed, self.unchecked = 0, 0, 0
        self.began = time.monotonic()
        self.held = [] if quiet else None

    def write(self, line):
        """Prints a line, or holds it until another report takes it over."""
        if self.held is None:
            print(line, flush=True)
        else:
            self.held.append(line)

    def take(self, other):
        """Takes over the counts and the held lines of a report that was kept beside this one."""
        for line in other.held:
            self.write(line)
        self.passed, self.failed, self.unchecked = self.passed + other.passed, self.failed + other.failed, self.unchecked + other.unchecked

    def say(self, good, name, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        self.write(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else "\n     " + "\n     ".join(str(detail).strip()[-3000:].splitlines())))
        return bool(good)

    def lacks(self, part, why):
        """`part` was not checked. DOMICILE_MAY_LACK names the parts, with commas, that CI does not insist on."""
        allowed = part in os.environ.get("DOMICILE_MAY_LACK", "").split(",")
        if os.environ.get("CI") and not allowed:
            self.say(False, f"{part}: not checked, and CI insists on it", why)
        else:
            self.unchecked += 1
            self.write(f"NOT CHECKED {part}: " + " ".join(str(why).split()))

    def conclude(self):
        print(f"{time.monotonic() - self.began:.0f} s; {self.unchecked} parts not checked")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0

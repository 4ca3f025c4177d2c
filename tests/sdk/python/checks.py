"""What the suites have in common: checks, which run when all are there, and what counts as a refusal."""

import sys
import traceback

checks = []


def check(what):
    def remember(body):
        checks.append((what, body))
        return body

    return remember


def refused(call, kind, status=None, code=None):
    """What the SDK raises for a refusal: of this kind and, where they are given, with this status and first code."""
    try:
        call()
    except kind as error:
        assert status in (None, error.status_code) and code in (None, error.errors[0].code), error
        return error
    raise AssertionError("was not refused")


def run_checks():
    """Prints each check; ends with 0 if all hold."""
    failures = 0
    for what, body in checks:
        try:
            body()
            print(f"ok      {what}", flush=True)
        except Exception:
            failures += 1
            print(f"FAILED  {what}\n{traceback.format_exc()}", flush=True)
    print("all checks hold" if failures == 0 else f"{failures} checks failed")
    sys.exit(0 if failures == 0 else 1)

"""What a bench prints: medians for orientation, ratios to compare, and at the end every ratio beside the wanted one."""
import statistics

results = []


def ms(samples):
    return f'{statistics.median(samples) / 1000:.2f} ms (min {min(samples) / 1000:.2f}, max {max(samples) / 1000:.2f})'


def report(what, ours, theirs, wanted, peer='docker'):
    """`ours` and `theirs` in microseconds; `wanted`: how many times smaller ours must be."""
    value(what, statistics.median(theirs) / statistics.median(ours), wanted,
          f'minato {ms(ours)}, {peer} {ms(theirs)}')


def value(what, ratio, wanted, text):
    results.append((what, ratio, wanted))
    print(f'  {what}: {text}: {ratio:.1f}x (wanted: {wanted}x)', flush=True)


def absolute(what, measured, wanted, form, is_more_better=False):
    """A figure that has a limit of its own instead of a peer; counted as a ratio to it."""
    ratio = measured / wanted if is_more_better else min(wanted / max(measured, 1e-9), 1000)
    results.append((what, ratio, 1))
    print(f'  {what}: {form.format(measured)} (wanted: {"at least" if is_more_better else "at most"} {form.format(wanted)})', flush=True)

#!/usr/bin/python3
"""Says how two directory trees differ: names, types, modes, owners, times, link counts, device numbers, link targets,
extended attributes and contents.  compare_trees.py LEFT RIGHT"""
import os, stat, sys


def describe(root):
    """One line per name; names of one inode share the first of them."""
    names, found = {}, {}
    stack = [b'.']
    while stack:
        path = stack.pop()
        full = os.path.join(root, path)
        st = os.lstat(full)
        line = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
        if not stat.S_ISDIR(st.st_mode):
            line += [st.st_nlink, names.setdefault((st.st_dev, st.st_ino), None) or path if st.st_nlink == 1 else sorted_first(names, st, path)]
        if stat.S_ISDIR(st.st_mode):
            line.append(st.st_nlink)
            stack.extend(os.path.join(path, name) for name in sorted(os.listdir(full), reverse=True))
        elif stat.S_ISLNK(st.st_mode):
            line.append(os.readlink(full))
        elif stat.S_ISREG(st.st_mode):
            line += [st.st_size, content(full)]
        else:
            line.append(st.st_rdev)
        line.append(sorted((name, os.getxattr(full, name, follow_symlinks=False)) for name in os.listxattr(full, follow_symlinks=False)))
        found[path] = line
    return found


def sorted_first(names, st, path):
    """The first name, in the order of the walk, that the inode was met under."""
    key = (st.st_dev, st.st_ino)
    if names.get(key) is None:
        names[key] = path
    return names[key]


def content(path):
    import hashlib
    digest = hashlib.sha256()
    with open(path, 'rb') as f:
        while piece := f.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def differences(left, right):
    a, b = describe(os.fsencode(left)), describe(os.fsencode(right))
    return [f'{name!r}: {a.get(name)} != {b.get(name)}' for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]


if __name__ == '__main__':
    wrong = differences(sys.argv[1], sys.argv[2])
    print('\n'.join(wrong[:50]))
    print(f'{len(describe(os.fsencode(sys.argv[1])))} names, {len(wrong)} differences')
    sys.exit(bool(wrong))

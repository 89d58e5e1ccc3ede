"""An agent for the tests: it does what its first argument says."""
import json
import os
import subprocess
import sys
import time

mode, rest = sys.argv[1], sys.argv[2:]



def below(folder):
    return sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, fs in os.walk(folder) for f in fs)


if mode == "echo":  # everything that it was given
    print(json.dumps({"args": rest, "stdin": sys.stdin.read(), "cwd": os.getcwd(), "env": dict(os.environ), "files": below("."),
                      "skill": below(rest[-2]) if len(rest) > 5 else []}))
elif mode == "edit":  # change, add and remove
    with open("keep.txt", "a") as f:
        f.write("more\n")
    os.makedirs("new/deep", exist_ok=True)
    with open("new/deep/file.bin", "wb") as f:
        f.write(b"\x00\x01\xff")
    os.remove("gone.txt")
    os.symlink("/etc/passwd", "link")
    print("edited")
elif mode == "readonly":  # leave what cannot be taken away without force
    os.makedirs("locked")
    open("locked/file", "w").close()
    os.chmod("locked", 0o500)
    print("locked")
elif mode == "print":  # as it stands, then end with a status
    sys.stdout.write(rest[0])
    sys.exit(int(rest[1]) if len(rest) > 1 else 0)
elif mode == "fail":
    sys.stderr.write("first\nlast word\n")
    sys.exit(3)
elif mode == "hang":
    print("thinking", flush=True)
    open(rest[0], "w").write(str(os.getpid()))
    time.sleep(600)
elif mode == "flood":
    while True:
        sys.stdout.write("x" * 65536)
elif mode == "fork":  # a child that holds the output and outlives its parent
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(rest[0], "w").write(str(child.pid))
    print("forked")
elif mode == "wait":  # until it has no child any more
    try:
        while True:
            os.wait()
    except ChildProcessError:
        print("alone")
elif mode == "litter":  # more files than anybody takes
    for i in range(10_001):
        open(f"f{i}", "w").close()
    print("littered")

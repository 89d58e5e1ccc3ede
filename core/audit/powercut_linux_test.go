package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The ioctl that ends an ext4 file system as a power cut does: what is not on the
// device by then, the journal included, never gets there (linux/fs/ext4/ext4.h:
// EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
const (
	ext4Shutdown = 0x8004587d
	noLogFlush   = 2
)

// What was acknowledged survives a power cut. kill -9 does not show this: the
// kernel still writes what the process left in its cache. The test mounts a file
// system of its own, so it runs only as root and when asked:
//
//	PLIMSOLL_POWER_CUT=1 go test ./core/audit -run TestPowerCut -v
func TestPowerCut(t *testing.T) {
	if os.Getenv("PLIMSOLL_POWER_CUT") == "" {
		t.Skip("mounts a file system: set PLIMSOLL_POWER_CUT=1 and run as root")
	}
	base := t.TempDir()
	image, dir := filepath.Join(base, "image"), filepath.Join(base, "mount")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	command("truncate", "-s", "1G", image)
	command("mkfs.ext4", "-q", image)
	mounted := false
	t.Cleanup(func() {
		if mounted {
			command("umount", dir)
		}
	})
	acknowledged := map[string]int64{}
	var old [][]byte
	var total int
	for round := range 50 {
		command("mount", "-o", "loop", image, dir)
		mounted = true
		runWriter(t, dir, func(p *os.Process) {
			if err := cutPower(dir); err != nil {
				t.Error(err)
			}
			// The writer may be waiting for a disk that is gone.
			time.Sleep(20 * time.Millisecond)
			if err := p.Kill(); err != nil {
				t.Log(err) // it has found out by itself
			}
		}, acknowledged)
		command("umount", dir)
		command("mount", "-o", "loop", image, dir) // replays the journal
		log, db, err := openFiles(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := Verify(db, Options{Key: log.Key(), Old: old}); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		for name, index := range acknowledged {
			checkAcknowledged(t, db, name, index)
		}
		checkNoOrphans(t, db)
		if c := log.Checkpoint(); len(c) > 0 {
			old = [][]byte{c}
		}
		total += len(acknowledged)
		clear(acknowledged)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		command("umount", dir)
		mounted = false
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("50 power cuts, %d acknowledged records", total)
	if total == 0 {
		t.Error("no round got as far as a commit")
	}
}

func cutPower(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, noLogFlush)
}

package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// holding is what the server's process has at a moment, as it says itself.
type holding struct {
	heap, resident int64 // bytes; heap is what a collection left
	goroutines     int64
	files          int64
	children       int
}

func (h holding) String() string {
	return fmt.Sprintf("heap %.1f MiB, RSS %.0f MiB, %d goroutines, %d files", mib(h.heap), mib(h.resident), h.goroutines, h.files)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// holds looks at the server after a collection. The server is the one that users
// run, so none can be forced: the figures are read until two collections have
// passed (reading allocates, which brings them about), and the smallest heap that
// was seen is what they left, to the allocations of one reading.
func (g *gateway) holds() (holding, error) {
	var out holding
	var first float64
	for i := 0; i < 5000; i++ {
		m, err := g.read()
		if err != nil {
			return out, err
		}
		passed := m["go_gc_duration_seconds_count"]
		if i == 0 {
			first = passed
		}
		if heap := int64(m["go_memstats_heap_alloc_bytes"]); passed > first && (out.heap == 0 || heap < out.heap) {
			out.heap = heap
		}
		out.resident, out.goroutines, out.files = int64(m["process_resident_memory_bytes"]), int64(m["go_goroutines"]), int64(m["process_open_fds"])
		if passed >= first+2 {
			out.children = len(children(g.serve.cmd.Process.Pid))
			return out, nil
		}
		time.Sleep(time.Millisecond)
	}
	return out, fmt.Errorf("the server collected no garbage while its figures were read")
}

// read is the figures of the server without labels, and of each with labels the
// sum over them; of histograms also the sums by bound, as NAME<=BOUND.
func (g *gateway) read() (map[string]float64, error) {
	res, err := http.Get(g.metrics)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	m := map[string]float64{}
	s := bufio.NewScanner(res.Body)
	for s.Scan() {
		line := s.Text()
		end := strings.LastIndexByte(line, ' ') // a label may hold one, a value never
		if end < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			continue
		}
		name, labels, _ := strings.Cut(line[:end], "{")
		m[name] += v
		if _, bound, ok := strings.Cut(labels, `le="`); ok {
			bound, _, _ = strings.Cut(bound, `"`)
			m[name+"<="+bound] += v
		}
	}
	return m, s.Err()
}

// children are the processes that a process started and that live; none where
// the system has no /proc.
func children(pid int) []int {
	var out []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		text := string(raw)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // a name may hold anything
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(pid) {
			if id, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				out = append(out, id)
			}
		}
	}
	return out
}

// alive tells whether a process is there.
func alive(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil
}

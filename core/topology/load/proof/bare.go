package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// bareReader is the floor: a goroutine a connection that reads bytes and notes
// the time, knows no HTTP and decodes nothing.
func (s scene) bareReader(ctx context.Context, program string) (measured, error) {
	e, err := start(program, s.script)
	if err != nil {
		return measured{}, err
	}
	defer e.stop()
	host := strings.TrimPrefix(e.url, "http://")
	body := fmt.Sprintf(`{"model":"some/model","prompt":"the tide","max_tokens":%d,"stream":true}`, s.tokens)
	times, errs := make([][]int64, s.streams), make([]error, s.streams)
	used, began := startMeter(), time.Now()
	var wg sync.WaitGroup
	for i := range s.streams {
		if s.rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(i) / float64(s.rate) * 1e9))))
		}
		wg.Go(func() {
			request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: %s\r\nX-Request-Id: bench-%d\r\nContent-Length: %d\r\n\r\n%s", host, i, len(body), body)
			times[i], errs[i] = bareStream(ctx, host, request, s.tokens)
		})
	}
	wg.Wait()
	used.stop()
	truths, err := e.tells(ctx)
	if err != nil {
		return measured{}, err
	}
	sent := make([][]int64, len(times))
	for i, at := range times {
		sent[i] = truths[fmt.Sprintf("bench-%d", i)].Sent
		if errs[i] != nil || len(sent[i]) != len(at) {
			return measured{}, fmt.Errorf("bare stream %d has %d chunks of %d: %w", i, len(at), len(sent[i]), errs[i])
		}
	}
	return window(times, sent, used)
}

func bareStream(ctx context.Context, host, request string, tokens int) ([]int64, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		return nil, err
	}
	times, buf := make([]int64, 0, tokens), make([]byte, 16<<10)
	for len(times) < tokens {
		n, err := conn.Read(buf)
		now := time.Now().UnixNano()
		for range bytes.Count(buf[:n], []byte(`data: {`)) {
			times = append(times, now)
		}
		if err != nil {
			return times, err
		}
	}
	return times, nil
}

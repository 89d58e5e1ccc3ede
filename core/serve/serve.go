// Package serve keeps an engine running: it answers commands over a local
// socket, and says when a night is due.
//
// It knows neither engines nor commands: what a command does is a function that
// it is handed, and so is the time. It listens on this machine alone, for the
// same user alone. Listeners of other kinds, such as an MCP surface, are added
// where plimsoll serve builds its Server (core/cli/serve.go): each gets the same
// state and the same stop.
//
//	srv, err := serve.Listen(serve.Config{Dir: ".plimsoll", Version: v, Run: run, Now: clock})
//	go srv.Serve()                       // until Stop
//	err = srv.Stop(ctx)                  // no new commands; ends those that run when ctx does
//
//	c, err := serve.Find(".plimsoll")    // in another process; nil: nobody serves
//	code, err := c.Run(ctx, serve.Request{Args: os.Args[1:], Dir: dir}, streams)
package serve

import (
	"context"
	"io"
	"time"
)

// Protocol is the version of what is spoken over the socket. A client and a
// server of different versions refuse each other with a way out.
const Protocol = 1

// Request is a command as it was given in another process.
type Request struct {
	Args  []string `json:"args"`  // without the program's name
	Dir   string   `json:"dir"`   // the working directory there, absolute
	Color bool     `json:"color"` // standard output is a terminal
	Live  bool     `json:"live"`  // standard error is one
	Width int      `json:"width"` // of the terminal; 0 is unknown
}

// Command is a request on the server, with the streams of its client.
type Command struct {
	Request
	In  io.Reader // asks the client for input when it is read, never before
	Out io.Writer
	Err io.Writer
	// Lookup asks the client for one environment variable. Only what the
	// project's files name is ever asked for.
	Lookup func(name string) (string, bool)
}

// Config of a server.
type Config struct {
	Dir     string // the state folder, which the caller holds open
	Version string // of the program: client and server must be the same
	Now     func() time.Time
	// Run executes a command and returns its exit code. ctx ends when the client
	// interrupts, goes away, or the server can wait no longer.
	Run func(ctx context.Context, c Command) int
	// Limit is how many commands run at once; 0 is 64. Those beyond it wait.
	Limit int
}

// Announcement is what a server leaves in the state folder for others to find.
type Announcement struct {
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Protocol int       `json:"protocol"`
	Socket   string    `json:"socket"` // absolute path
	Since    time.Time `json:"since"`
}

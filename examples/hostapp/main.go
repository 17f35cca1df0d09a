// Command hostapp is a small product that has chat: people log in, work on projects, and each
// project has a room. The product came first; what Parlor adds to it is in chat.go.
//
//	go run ./examples/hostapp       then open http://127.0.0.1:8080 in two browsers
//
//	main.go     the program, with everything in a folder
//	product.go  the product as it was: its people, sessions and projects
//	pages.go    its pages
//	people.go   its people and projects, as Parlor asks for them
//	chat.go     three handlers: what is live, what was said, saying something
//	wire.go     what they answer
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where to listen")
	data := flag.String("data", filepath.Join(os.TempDir(), "parlor-hostapp"), "the folder in which everything is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", *listen)
	if err == nil {
		log.Printf("open http://%s, everything is kept in %s", l.Addr(), *data)
		err = run(ctx, l, *data, slog.Default())
	}
	if err != nil {
		log.Fatal(err)
	}
}

// grace is how long the program takes to end at most.
const grace = 10 * time.Second

// run serves the product until ctx ends.
func run(ctx context.Context, l net.Listener, dir string, logger *slog.Logger) error {
	defer l.Close()
	store, err := embedded.Open(ctx, dir, &embedded.Options{Log: logger})
	if err != nil {
		return err
	}
	defer store.Close()
	p := newProduct()
	h, err := hub.New(ctx, store.Set(), &hub.Options{Node: "hostapp", Access: p, Users: p, Logger: logger})
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler(p, h, logger), ReadHeaderTimeout: grace, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// The hub first: it ends the live streams, for which the server would wait.
	return errors.Join(err, h.Shutdown(end), srv.Shutdown(end))
}

// handler is the product with its chat.
func handler(p *product, h *hub.Hub, logger *slog.Logger) http.Handler {
	c := newChats(p, h, logger)
	mux := http.NewServeMux()
	p.routes(mux, c.recheck)
	c.routes(mux)
	return http.NewCrossOriginProtection().Handler(mux) // no other site posts in somebody's name
}

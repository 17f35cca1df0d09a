package disk_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// A node dies with an event that it had acknowledged and not placed yet. Another one, which
// reaches its folder, adopts it.
func Example_adopt() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "journals")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	broker := memory.New(nil)
	defer broker.Close()
	quiet := slog.New(slog.DiscardHandler)

	// What the first node left.
	kitchen := chat.RoomID{Tenant: "acme", Key: "kitchen"}
	soup := chat.Event{ID: chat.NewID(), Room: kitchen, Content: &chat.Text{Body: "soup is ready"}}
	left, err := disk.Open(ctx, filepath.Join(root, "node-1"), &disk.Options{Log: quiet, Reserve: -1})
	if err != nil {
		log.Fatal(err)
	}
	if err := left.Keep(ctx, []journal.Record{{Event: soup, Since: time.Now()}}); err != nil {
		log.Fatal(err)
	}
	left.Close()

	// The second node, and what it does.
	own, err := disk.Open(ctx, filepath.Join(root, "node-2"), &disk.Options{Log: quiet, Reserve: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer own.Close()
	j, err := journal.New(ctx, own, broker.Broker(), &journal.Options{Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	memory, err := j.Memory(ctx)
	if err == nil {
		err = j.Begin(ctx, memory) // a hub does that
	}
	if err != nil {
		log.Fatal(err)
	}
	dead, err := disk.Open(ctx, filepath.Join(root, "node-1"), &disk.Options{Log: quiet, Reserve: -1})
	if err != nil {
		log.Fatal(err) // while node-1 lives: "held by pid …"
	}
	defer dead.Close()
	adopted, err := j.Adopt(ctx, dead)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("adopted %d\n", adopted.Taken)
	for {
		head, err := j.Recent(ctx, kitchen, chat.Latest(1).All())
		if err != nil {
			log.Fatal(err)
		}
		if len(head.Events) > 0 {
			fmt.Println(head.Events[0].Content.(*chat.Text).Body, head.Events[0].ID == soup.ID)
			return
		}
		time.Sleep(time.Millisecond)
	}
	// Output:
	// adopted 1
	// soup is ready true
}

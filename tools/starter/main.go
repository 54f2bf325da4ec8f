// Starter writes what the starter model learns from: patches of generated
// tissue, what is in them, and sentences that say so.
//
//	go run ./tools/starter --out data --split train --patches 40000
//	go run ./tools/starter --out data --split test --patches 4000
//
// A shard holds patches as NumPy arrays of bytes, which need no Go to be read,
// and a JSON line a patch. The same seed gives the same shards. See README.md
// for the training that follows.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"coverslip/models/caption"
)

// shardSize is the patches of one shard: 39 MB of pixels.
const shardSize = 1024

func main() {
	out := flag.String("out", "", "`FOLDER` for the shards")
	split := flag.String("split", splitTrain, "train or test: other seeds, and colours and scales beyond those of training")
	patches := flag.Int("patches", 40*shardSize, "make `N` patches, rounded up to shards of 1024")
	seed := flag.Int64("seed", 1, "`N` that everything is drawn from")
	from := flag.Int("from", 0, "first shard to make; those before are there already")
	texts := flag.Bool("texts", false, "print the bank and sentences of the grammar, for the tokenizer, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *split, *patches, *seed, *from, *texts); err != nil {
		fmt.Fprintln(os.Stderr, "starter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, split string, patches int, seed int64, from int, texts bool) error {
	bank, err := caption.Builtin()
	if err != nil {
		return err
	}
	if texts {
		return printTexts(os.Stdout, bank)
	}
	if out == "" || split != splitTrain && split != splitTest || patches < 1 || from < 0 {
		return fmt.Errorf("--out FOLDER, --split train or test, and positive numbers are needed")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	g := grammar{bank: bank.Captions}
	started, shards := time.Now(), (patches+shardSize-1)/shardSize
	for k := from; k < shards; k++ {
		name := filepath.Join(out, fmt.Sprintf("%s-%04d", split, k))
		if _, err := os.Stat(name + ".jsonl"); err == nil {
			continue // it is written last
		}
		s, err := makeShard(ctx, split, seed, k, g)
		if err != nil {
			return err
		}
		if err := s.write(name); err != nil {
			return err
		}
		done := (k + 1 - from) * shardSize
		fmt.Printf("%s: %d patches, %.0f patches/s\n", name, done, float64(done)/time.Since(started).Seconds())
	}
	return nil
}

// makeShard draws a shard's patches, scene by scene, on every processor.
func makeShard(ctx context.Context, split string, seed int64, k int, g grammar) (*shard, error) {
	const scenes = shardSize / scenePatches
	found := make([][]patch, scenes)
	errs := make([]error, scenes)
	var group sync.WaitGroup
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range scenes {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				found[i], errs[i] = drawScene(split, seed, k*scenes+i, g)
			}
		})
	}
	group.Wait()
	s := &shard{}
	for i := range scenes {
		if errs[i] != nil {
			return nil, errs[i]
		}
		s.patches = append(s.patches, found[i]...)
	}
	return s, nil
}

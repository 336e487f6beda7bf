// Judges a log, its proofs and its notes with Go's own sumdb packages.
// Reads one JSON question on standard input, writes one JSON answer.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index int64
	Leaf  string
	Proof []string
}

type growth struct {
	Old   string
	Proof []string
}

type question struct {
	Vkey       string
	Checkpoint string
	Leaves     []string
	Inclusions []inclusion
	Growths    []growth
}

type answer struct {
	Root       string
	Stored     []string
	Inclusions []string
	Growths    []string
	Vkey       string
	Note       string
}

type memory struct{ hashes []tlog.Hash }

func (m *memory) ReadHashes(places []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(places))
	for i, place := range places {
		out[i] = m.hashes[place]
	}
	return out, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func hashes(texts []string) []tlog.Hash {
	var out []tlog.Hash
	for _, text := range texts {
		raw, err := hex.DecodeString(text)
		must(err)
		var hash tlog.Hash
		copy(hash[:], raw)
		out = append(out, hash)
	}
	return out
}

// open returns size and root of a checkpoint that the key signed.
func open(text string, key note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(text), note.VerifierList(key))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != key.Name() || len(lines) != 4 {
		must(fmt.Errorf("not a checkpoint: %q", opened.Text))
	}
	var size int64
	_, err = fmt.Sscan(lines[1], &size)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	var hash tlog.Hash
	copy(hash[:], root)
	return size, hash
}

func word(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func main() {
	var q question
	var a answer
	must(json.NewDecoder(os.Stdin).Decode(&q))
	key, err := note.NewVerifier(q.Vkey)
	must(err)
	size, root := open(q.Checkpoint, key)
	store := &memory{}
	for i, leaf := range q.Leaves {
		grown, err := tlog.StoredHashes(int64(i), []byte(leaf), store)
		must(err)
		store.hashes = append(store.hashes, grown...)
	}
	own, err := tlog.TreeHash(int64(len(q.Leaves)), store)
	must(err)
	a.Root = hex.EncodeToString(own[:])
	for _, hash := range store.hashes {
		a.Stored = append(a.Stored, hex.EncodeToString(hash[:]))
	}
	for _, one := range q.Inclusions {
		leaf := tlog.RecordHash([]byte(one.Leaf))
		a.Inclusions = append(a.Inclusions, word(tlog.CheckRecord(hashes(one.Proof), size, root, one.Index, leaf)))
	}
	for _, one := range q.Growths {
		oldSize, oldRoot := open(one.Old, key)
		a.Growths = append(a.Growths, word(tlog.CheckTree(hashes(one.Proof), size, root, oldSize, oldRoot)))
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	text := fmt.Sprintf("go.example/log\n%d\n%s\n", len(q.Leaves), base64.StdEncoding.EncodeToString(own[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	a.Vkey, a.Note = vkey, string(signed)
	must(json.NewEncoder(os.Stdout).Encode(a))
}

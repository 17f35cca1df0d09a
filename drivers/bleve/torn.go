package bleve

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/util"
	"go.etcd.io/bbolt"
)

// Bleve syncs its files and then names them in its root file, but not the folder: after a
// power cut the newest snapshot may name files that aren't there. The one before is whole then
// (callback), and the log has what it lacks. Bleve goes on with it, too, but numbers what it
// writes from there, and so mixes it with the torn one, or keeps that as the newest and removes
// its own.

// mend takes the snapshots that are torn so, newest first, out of the root file. Where none is
// whole, or the generation was sealed, so that its folders were synced, it is damage.
func (m *month) mend(sealed bool) (err error) {
	var db *bbolt.DB
	defer func() {
		if r := recover(); r != nil {
			err = m.panicked(r)
		}
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	db, err = bbolt.Open(filepath.Join(m.path, rootFile), 0o600, &bbolt.Options{Timeout: boltTimeout, ReadOnly: sealed})
	if err != nil {
		return m.unopened(err)
	}
	torn, missing, err := m.torn(db)
	switch {
	case err != nil:
		return err
	case missing != "" && (torn == nil || sealed):
		return damaged(filepath.Join(m.dir, missing), errors.New("it is missing"))
	case torn != nil:
		return db.Update(func(tx *bbolt.Tx) error {
			for _, key := range torn {
				if err := tx.Bucket(util.BoltSnapshotsBucket).DeleteBucket(key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return nil
}

// torn is the keys of the torn snapshots that are newer than the newest whole one, nil if there
// is no whole one, and a file that is missing.
func (m *month) torn(db *bbolt.DB) (torn [][]byte, missing string, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		snapshots := tx.Bucket(util.BoltSnapshotsBucket)
		if snapshots == nil {
			return nil
		}
		c := snapshots.Cursor()
		for key, _ := c.Last(); key != nil; key, _ = c.Prev() {
			name, err := m.missing(snapshots.Bucket(key))
			if err != nil || name == "" {
				return err
			}
			torn, missing = append(torn, bytes.Clone(key)), name
		}
		torn = nil
		return nil
	})
	return torn, missing, err
}

// missing is a file that a snapshot names and that isn't there.
func (m *month) missing(snapshot *bbolt.Bucket) (name string, err error) {
	if snapshot == nil {
		return "", nil
	}
	err = snapshot.ForEachBucket(func(key []byte) error {
		file := snapshot.Bucket(key).Get(util.BoltPathKey)
		if file == nil || name != "" {
			return nil
		}
		_, err := os.Stat(filepath.Join(m.path, string(file)))
		if errors.Is(err, fs.ErrNotExist) {
			name, err = string(file), nil
		}
		return err
	})
	return name, err
}

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of a configuration file, a secret or a key.
const maxFile = 1 << 20

// config is a configuration file that was read, and whose own mistakes, as far as
// they can be seen without the library, were looked for.
type config struct {
	*file
	*source
	identity *identity
}

// load reads a configuration file. The error has a line for every mistake.
func load(path string) (*config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	src := newSource(path)
	f, err := decode(src, text)
	if err != nil {
		return nil, err
	}
	c := &config{file: f, source: src}
	c.checkAddress("listen", c.Listen)
	c.checkAddress("admin_listen", c.AdminListen)
	if c.connections() < 1 {
		c.fault("max_connections", "must be at least 1")
	}
	c.checkUpstreams()
	c.checkTLS()
	c.checkRevocation()
	c.identity = c.newIdentity()
	return c, nil
}

// readFile reads a small file. Its errors name no path: the field does.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, plainly(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("is longer than 1 MiB")
	}
	return text, plainly(err)
}

// plainly is what went wrong with a file, without its path.
func plainly(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// resolve makes a path of the file relative to the file's own directory.
func (c *config) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.name), path)
}

func (c *config) checkAddress(field, address string) {
	if address == "" {
		return
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		c.fault(field, "must be a host and a port, such as 127.0.0.1:8080 or :8080")
	}
}

func (c *config) checkUpstreams() {
	c.checkUpstream("upstream", c.Upstream)
	for i := range c.Routes {
		field := fmt.Sprintf("routes[%d].upstream", i)
		c.checkUpstream(field, c.Routes[i].Upstream)
		if c.upstreamOf(&c.Routes[i]) == "" {
			c.fault(field, "is required, for there is no upstream for all routes")
		}
	}
}

// checkUpstream refuses an address with a path: what was checked is what is sent
// on, and joining two paths makes another one.
func (c *config) checkUpstream(field, text string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		c.fault(field, "must be the address of a server, such as http://127.0.0.1:9000")
	case u.User != nil:
		c.fault(field, "must not contain user information")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		c.fault(field, "must not have a path, query or fragment: requests go on with their own")
	}
}

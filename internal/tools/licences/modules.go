package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// systems are those whose builds are listed: what a package imports differs among them.
var systems = []string{"linux", "darwin", "windows"}

// module is one that is built into a program.
type module struct {
	path, version, directory string
	packages                 map[string]bool // their directories
	systems                  []string
}

// only tells the systems of a module that not all of them need.
func (m *module) only() string {
	if len(m.systems) == len(systems) {
		return ""
	}
	return "only on " + strings.Join(m.systems, ", ")
}

// imported are the modules of all packages that the libraries of the module in directory
// import, by their paths, without those of this repository; own is its own path.
func imported(directory string) (own string, sorted []*module, err error) {
	path, err := goList(directory, systems[0], "-m")
	if err != nil {
		return "", nil, err
	}
	own = strings.TrimSpace(string(path))
	repository := strings.Join(strings.SplitN(own, "/", 4)[:3], "/")
	found := map[string]*module{}
	for _, system := range systems {
		packages, err := libraries(directory, system)
		if err != nil {
			return "", nil, err
		}
		dependencies, err := goList(directory, system, append([]string{"-deps", "-json=Dir,Module"}, packages...)...)
		if err != nil {
			return "", nil, err
		}
		if err := collect(found, dependencies, repository, system); err != nil {
			return "", nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[name])
	}
	return own, sorted, nil
}

// libraries are the packages that others can import.
func libraries(directory, system string) ([]string, error) {
	lines, err := goList(directory, system, "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	if err != nil {
		return nil, err
	}
	packages := slices.DeleteFunc(strings.Fields(string(lines)), func(path string) bool {
		return slices.Contains(strings.Split(path, "/"), "internal")
	})
	if len(packages) == 0 {
		return nil, errors.New("there is no package to import")
	}
	return packages, nil
}

func collect(found map[string]*module, dependencies []byte, repository, system string) error {
	for decoder := json.NewDecoder(bytes.NewReader(dependencies)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Replace            *struct{ Path string }
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Module == nil || p.Module.Path == repository || strings.HasPrefix(p.Module.Path, repository+"/") {
			continue // the standard library's, or ours
		}
		if p.Module.Replace != nil {
			return fmt.Errorf("%s is replaced: importers would get another one", p.Module.Path)
		}
		m := found[p.Module.Path]
		if m == nil {
			m = &module{path: p.Module.Path, version: p.Module.Version, directory: p.Module.Dir, packages: map[string]bool{}}
			found[m.path] = m
		}
		m.packages[p.Dir] = true
		if !slices.Contains(m.systems, system) {
			m.systems = append(m.systems, system)
		}
	}
}

// goList runs go list outside of the workspace, whose versions are not what importers
// get, and without cgo, so that the machine's C compiler makes no difference.
func goList(directory, system string, arguments ...string) ([]byte, error) {
	command := exec.Command("go", append([]string{"list"}, arguments...)...)
	command.Dir = directory
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOARCH=amd64", "GOOS="+system)
	command.Stderr = os.Stderr
	return command.Output()
}

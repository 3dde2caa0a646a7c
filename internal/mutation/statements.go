package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// statement looks for what can be left out or returned instead:
//
//   - a call, an assignment, a send, a defer, a go, a break, a continue is left out;
//   - so is a return where Go needs none, other than one that is all of an if: that
//     is the same as a false condition;
//   - an error that is returned becomes nil, other results become zero values.
func (f *finder) statement(n ast.Node, stack []ast.Node) {
	if len(stack) == 0 || !inList(n, stack[len(stack)-1]) {
		return
	}
	if s := n.(ast.Stmt); leavable(s) && !allOfIf(stack) && (!isReturn(s) || f.falls(s, stack)) {
		id := f.add(s, stack, f.code(s), "nothing")
		f.edit(s, func(text string) string { return fmt.Sprintf("if mutantOff(%d) { %s }", id, text) })
	}
	if s, ok := n.(*ast.ReturnStmt); ok && len(s.Results) > 0 {
		f.results(s, stack)
	}
}

// inList reports whether n is a statement of a block, of a case or of a select's case.
func inList(n, parent ast.Node) bool {
	s, ok := n.(ast.Stmt)
	return ok && slices.Contains(statements(parent), s)
}

func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

func isReturn(s ast.Stmt) bool {
	_, ok := s.(*ast.ReturnStmt)
	return ok
}

// leavable reports whether Go compiles without s, a return aside.
func leavable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ok := call.Fun.(*ast.Ident)
		return !ok || name.Name != "panic" // it may be what ends a function
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && !slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool {
			name, ok := e.(*ast.Ident)
			return ok && name.Name == "_" && len(s.Lhs) == 1
		})
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt, *ast.DeferStmt, *ast.ReturnStmt:
		return true
	}
	return false
}

// allOfIf reports whether a statement is alone in the body of an if without else.
func allOfIf(stack []ast.Node) bool {
	if len(stack) < 2 || len(statements(stack[len(stack)-1])) != 1 {
		return false
	}
	parent, ok := stack[len(stack)-2].(*ast.IfStmt)
	return ok && parent.Else == nil && parent.Body == stack[len(stack)-1]
}

// falls reports whether a function may go on behind a return: it has no results, or
// what ends it comes later.
func (f *finder) falls(s ast.Stmt, stack []ast.Node) bool {
	var child ast.Node = s
	for _, parent := range slices.Backward(stack) {
		switch parent := parent.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return f.signature(stack).Results().Len() == 0
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		case *ast.IfStmt:
			if parent.Else == nil {
				return true
			}
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		default:
			if list := statements(parent); len(list) > 0 && list[len(list)-1] != child {
				if _, ok := child.(ast.Stmt); ok && !isClause(child) {
					return true
				}
			}
		}
		child = parent
	}
	return false
}

func isClause(n ast.Node) bool {
	switch n.(type) {
	case *ast.CaseClause, *ast.CommClause:
		return true
	}
	return false
}

// signature is that of the innermost function.
func (f *finder) signature(stack []ast.Node) *types.Signature {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncLit:
			return f.p.info.Types[n].Type.(*types.Signature)
		case *ast.FuncDecl:
			return f.p.info.Defs[n.Name].Type().(*types.Signature)
		}
	}
	return nil
}

// results changes what a return gives back.
func (f *finder) results(s *ast.ReturnStmt, stack []ast.Node) {
	results := f.signature(stack).Results()
	if len(s.Results) != results.Len() {
		f.passed(s, results, stack)
		return
	}
	values, zeroes := make([]string, results.Len()), make([]string, results.Len())
	noError, allZero := false, false
	var dropped string
	for i, e := range s.Results {
		values[i], zeroes[i] = f.text(e), f.text(e)
		zero, ok := zeroOf(results.At(i).Type())
		switch {
		case !ok || f.zero(e):
		case isError(results.At(i).Type()):
			values[i], dropped, noError = "nil", "_ = "+values[i]+"; ", true
		default:
			zeroes[i], allZero = zero, true
		}
	}
	if noError {
		f.instead(s, stack, dropped, values)
	}
	if allZero {
		f.instead(s, stack, "", zeroes)
	}
}

func (f *finder) instead(s ast.Stmt, stack []ast.Node, before string, values []string) {
	instead := "return " + strings.Join(values, ", ")
	id := f.add(s, stack, f.code(s), instead)
	f.edit(s, func(text string) string {
		return fmt.Sprintf("if mutantOn(%d) { %s%s }; %s", id, before, instead, text)
	})
}

// passed drops the error of a call whose results are returned as they are.
func (f *finder) passed(s *ast.ReturnStmt, results *types.Tuple, stack []ast.Node) {
	last := results.Len() - 1
	if !isError(results.At(last).Type()) {
		return
	}
	var names []string
	for i := range last {
		names = append(names, fmt.Sprintf("mutant%d", i))
	}
	values := strings.Join(names, ", ")
	id := f.add(s, stack, f.code(s), "its error dropped")
	f.edit(s, func(text string) string {
		return fmt.Sprintf("if mutantOn(%d) { %s, _ := %s; return %s, nil }; %s", id, values, f.text(s.Results[0]), values, text)
	})
}

// zero reports whether e is nil, or a constant that is zero or empty.
func (f *finder) zero(e ast.Expr) bool {
	tv := f.p.info.Types[e]
	switch {
	case tv.IsNil():
		return true
	case tv.Value == nil:
		return false
	case tv.Value.Kind() == constant.String:
		return constant.StringVal(tv.Value) == ""
	case tv.Value.Kind() == constant.Bool:
		return !constant.BoolVal(tv.Value)
	}
	return constant.Sign(tv.Value) == 0
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// zeroOf is a type's zero value, where it can be written without naming the type.
// Those of bool are booleans.go's.
func zeroOf(t types.Type) (string, bool) {
	if _, ok := t.(*types.TypeParam); ok {
		return "", false
	}
	switch t := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case t.Info()&types.IsString != 0:
			return `""`, true
		case t.Info()&types.IsNumeric != 0:
			return "0", true
		}
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		return "nil", true
	}
	return "", false
}

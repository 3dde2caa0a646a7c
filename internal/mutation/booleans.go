package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// A boolean is an expression that decides something, and its mutants: numbers, 0
// where there is none. A negation of its own it has not: what tells an expression
// from true and from false tells it from its negation.
type boolean struct {
	always, never int
	neighbour     int    // < instead of <=, and the like
	instead       string // the neighbour's text
}

// boolean looks for what can be changed about the truth of n:
//
//   - a condition of if, for and case becomes true, and false;
//   - so does a boolean that is returned, assigned, passed on, or compared;
//   - an operand of && and || is dropped;
//   - < <= > >= become their neighbour at the boundary;
//   - true becomes false, and false true.
func (f *finder) boolean(n ast.Node, stack []ast.Node) {
	inner := append(slices.Clone(stack), n)
	switch n := n.(type) {
	case *ast.IfStmt:
		f.either(n.Cond, inner)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.either(n.Cond, inner)
		}
	case *ast.CaseClause:
		if s, ok := stack[len(stack)-2].(*ast.SwitchStmt); ok && s.Tag == nil {
			f.clause(n, inner)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			f.tagged(n, inner)
		}
	case *ast.ReturnStmt:
		f.values(n.Results, inner)
	case *ast.AssignStmt:
		f.values(n.Rhs, inner)
	case *ast.ValueSpec:
		f.values(n.Values, inner)
	case *ast.BinaryExpr:
		f.binary(n, stack)
	case *ast.UnaryExpr:
		if n.Op == token.NOT && f.booleans[n] == nil {
			f.either(n, stack)
		}
	case *ast.Ident:
		f.literal(n, stack)
	}
}

func (f *finder) values(list []ast.Expr, stack []ast.Node) {
	for _, e := range list {
		f.either(e, stack)
	}
}

// either makes e true and, as another mutant, false.
func (f *finder) either(e ast.Expr, stack []ast.Node) {
	f.always(e, stack)
	f.never(e, stack)
}

func (f *finder) always(e ast.Expr, stack []ast.Node) {
	if b := f.decides(e); b != nil && b.always == 0 {
		b.always = f.add(e, stack, f.code(e), "true")
	}
}

func (f *finder) never(e ast.Expr, stack []ast.Node) {
	if b := f.decides(e); b != nil && b.never == 0 {
		b.never = f.add(e, stack, f.code(e), "false")
	}
}

// decides returns what is known of e, nil if it cannot be changed. The operand of
// a ! is then not looked at again: it is the same decision.
func (f *finder) decides(e ast.Expr) *boolean {
	e = ast.Unparen(e)
	if !f.variable(e) {
		return nil
	}
	if f.booleans[e] == nil {
		f.booleans[e] = &boolean{}
		f.order = append(f.order, e)
		if not, ok := e.(*ast.UnaryExpr); ok && not.Op == token.NOT {
			f.decides(not.X)
		}
	}
	return f.booleans[e]
}

// clause makes the conditions of a case false one by one, and the whole case true.
func (f *finder) clause(n *ast.CaseClause, stack []ast.Node) {
	for i, e := range n.List {
		if i == 0 {
			f.always(e, stack)
		}
		f.never(e, stack)
	}
}

// tagged does the same for a switch over a value. Its cases may be constants, so
// the switch is written as one over conditions.
func (f *finder) tagged(n *ast.SwitchStmt, stack []ast.Node) {
	tag := "(" + f.text(n.Tag) + ")"
	first := len(f.mutants) + 1
	if n.Init == nil {
		tag = fmt.Sprintf("mutantTag%d", first)
	}
	for _, s := range n.Body.List {
		c := s.(*ast.CaseClause)
		for i, e := range c.List {
			always := ""
			if i == 0 {
				always = fmt.Sprintf("mutantOn(%d) || ", f.add(e, stack, "case "+f.code(e), "case of anything"))
			}
			never := f.add(e, stack, "case "+f.code(e), "case of nothing")
			f.edit(e, func(text string) string {
				return fmt.Sprintf("%smutantOff(%d) && %s == (%s)", always, never, tag, text)
			})
		}
	}
	switch {
	case len(f.mutants) < first: // nothing but a default
	case n.Init == nil:
		f.edit(n.Tag, func(text string) string { return tag + " := " + text + "; " })
	default:
		f.edit(n.Tag, func(string) string { return "" })
	}
}

func (f *finder) binary(n *ast.BinaryExpr, stack []ast.Node) {
	switch n.Op {
	case token.LAND, token.LOR:
		if parent, ok := stack[len(stack)-1].(*ast.BinaryExpr); ok && parent.Op == n.Op {
			return // the parent has dropped our operands
		}
		for _, operand := range operands(n, n.Op) {
			if n.Op == token.LAND {
				f.always(operand, stack)
			} else {
				f.never(operand, stack)
			}
		}
	case token.EQL, token.NEQ:
		if f.booleans[n] == nil {
			f.either(n, stack)
		}
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		if f.booleans[n] == nil {
			f.either(n, stack)
		}
		b := f.decides(n)
		if b == nil {
			return
		}
		near := map[token.Token]token.Token{
			token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
		}[n.Op]
		other := *n
		other.Op = near
		b.neighbour = f.add(n, stack, f.code(n), f.code(&other))
		b.instead = f.text(n.X) + " " + near.String() + " " + f.text(n.Y)
	}
}

// operands are those of a chain of one operator, whatever its parentheses.
func operands(e ast.Expr, op token.Token) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == op {
		return append(operands(b.X, op), operands(b.Y, op)...)
	}
	return []ast.Expr{e}
}

func (f *finder) literal(n *ast.Ident, stack []ast.Node) {
	value := f.p.info.Uses[n]
	if value == nil || value.Parent() != types.Universe || n.Name != "true" && n.Name != "false" {
		return
	}
	if !types.Identical(f.p.info.Types[n].Type, types.Typ[types.Bool]) {
		return
	}
	off := n.Name == "true"
	id := f.add(n, stack, f.around(n, stack), map[bool]string{true: "false", false: "true"}[off])
	f.edit(n, func(string) string {
		if off {
			return fmt.Sprintf("mutantOff(%d)", id)
		}
		return fmt.Sprintf("mutantOn(%d)", id)
	})
}

// around is the smallest node about a literal that says which one it is.
func (f *finder) around(n ast.Node, stack []ast.Node) string {
	switch parent := stack[len(stack)-1].(type) {
	case *ast.KeyValueExpr, *ast.AssignStmt, *ast.ReturnStmt, *ast.CallExpr:
		return f.code(n) + " in " + f.code(parent)
	}
	return f.code(n)
}

// writeBooleans writes the edits of all booleans of a file, the outer before the inner.
func (f *finder) writeBooleans() {
	for _, e := range f.order {
		b := f.booleans[e]
		f.edit(e, func(text string) string {
			if b.neighbour != 0 {
				text = fmt.Sprintf("mutantOff(%[1]d) && (%[2]s) || mutantOn(%[1]d) && (%[3]s)", b.neighbour, text, b.instead)
			}
			if b.never != 0 {
				text = fmt.Sprintf("mutantOff(%d) && (%s)", b.never, text)
			}
			if b.always != 0 {
				text = fmt.Sprintf("mutantOn(%d) || %s", b.always, text)
			}
			return "(" + text + ")"
		})
	}
}

//! What the names inside one function stand for.

use super::definitions::Definitions;
use super::tree::{DEPTH, ends, ident, place_of_code, variable};
use std::collections::HashMap;
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Expr, Local, Pat};

/// Methods of iterators that keep the elements they are called on.
const SAME_ELEMENTS: [&str; 4] = ["into_iter", "iter", "filter", "rev"];

/// What the names inside one function stand for.
pub(super) struct Names<'s> {
    pub(super) known: &'s Definitions,
    pub(super) path: &'s Path,
    /// Parameters `code` of the function, and of closures with a name.
    pub(super) taken: bool,
    /// What variables are bound to, as far as it can be seen.
    pub(super) bound: HashMap<String, Vec<Expr>>,
    /// Closures that take a code, and at which place.
    pub(super) closures: HashMap<String, usize>,
    /// What closures return.
    pub(super) returned: HashMap<String, Vec<Expr>>,
}

impl Names<'_> {
    fn bind(&mut self, pattern: &Pat, values: Vec<Expr>) {
        match pattern {
            // A name given to what had it before adds nothing.
            Pat::Ident(named) => {
                let new = values.into_iter().filter(|value| variable(value).is_none_or(|name| named.ident != name));
                self.bound.entry(named.ident.to_string()).or_default().extend(new);
            }
            Pat::Type(typed) => self.bind(&typed.pat, values),
            Pat::Tuple(tuple) => {
                let values: Vec<Expr> = values.into_iter().flat_map(|value| self.called(value)).collect();
                for (place, inner) in tuple.elems.iter().enumerate() {
                    let parts = values.iter().filter_map(|value| match value {
                        Expr::Tuple(tuple) => tuple.elems.get(place),
                        _ => None,
                    });
                    let parts: Vec<Expr> = parts.flat_map(ends).collect();
                    self.bind(inner, parts);
                }
            }
            _ => {}
        }
    }

    /// What a function of the same file returns, in place of a call of it.
    fn called(&self, value: Expr) -> Vec<Expr> {
        let name = match &value {
            Expr::Call(call) => variable(&call.func),
            _ => None,
        };
        let returned = name.and_then(|name| self.known.returned.get(&(self.path.to_owned(), name)));
        returned.cloned().unwrap_or_else(|| vec![value])
    }

    /// The elements of an array that is written here or is a constant.
    pub(super) fn elements(&self, value: &Expr, depth: usize) -> Vec<Expr> {
        match value {
            _ if depth > DEPTH => Vec::new(),
            Expr::Array(array) => array.elems.iter().flat_map(ends).collect(),
            Expr::MethodCall(call) if SAME_ELEMENTS.contains(&call.method.to_string().as_str()) => {
                self.elements(&call.receiver, depth + 1)
            }
            Expr::Path(_) => {
                let name = variable(value).unwrap_or_default();
                let bound = self.bound.get(&name).into_iter().flatten();
                let bound = bound.flat_map(|value| self.elements(value, depth + 1));
                bound.chain(self.known.arrays.get(&name).into_iter().flatten().cloned()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(init) = &local.init {
            self.bind(&local.pat, ends(&init.expr));
            if let (Some(name), Expr::Closure(closure)) = (ident(&local.pat), &*init.expr) {
                self.returned.entry(name.clone()).or_default().extend(ends(&closure.body));
                if let Some(place) = place_of_code(closure) {
                    self.closures.insert(name, place);
                    self.taken = true;
                }
            }
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        let elements = self.elements(&each.expr, 0);
        self.bind(&each.pat, elements);
        visit::visit_expr_for_loop(self, each);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Some(Expr::Closure(closure)) = call.args.first()
            && let Some(pattern) = closure.inputs.first()
        {
            let elements = self.elements(&call.receiver, 0);
            self.bind(pattern, elements);
        }
        visit::visit_expr_method_call(self, call);
    }
}

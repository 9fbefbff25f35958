//! The second reading: what is given where a code is taken.

use super::definitions::Definitions;
use super::names::Names;
use super::tree::{DEPTH, ends, ends_of, is_empty_text, is_static_str, is_test, name_of, place_of_parameter, variable};
use super::{CARRIERS, Scan, Site};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Lit, Member, Signature, Token};

/// The second reading: what is given where a code is taken.
pub(super) struct Calls<'s> {
    pub(super) scan: &'s mut Scan,
    pub(super) known: &'s Definitions,
    pub(super) path: &'s Path,
    pub(super) owner: Option<String>,
    /// The functions around, the innermost last.
    pub(super) inside: Vec<Names<'s>>,
}

impl Calls<'_> {
    fn within(&mut self, signature: &Signature, block: &Block) {
        let mut names = Names {
            known: self.known,
            path: self.path,
            taken: place_of_parameter(signature).is_some(),
            bound: HashMap::new(),
            closures: HashMap::new(),
            returned: HashMap::new(),
        };
        names.visit_block(block);
        self.inside.push(names);
        let returns_text = matches!(&signature.output, syn::ReturnType::Type(_, ty) if is_static_str(ty));
        if signature.ident == "code" && returns_text {
            ends_of(block).iter().for_each(|value| self.given(value, "code()"));
        }
        visit::visit_block(self, block);
        self.inside.pop();
    }

    fn given(&mut self, value: &Expr, by: &str) {
        ends(value).iter().for_each(|end| self.one(end, by, 0));
    }

    fn one(&mut self, value: &Expr, by: &str, depth: usize) {
        let around = self.inside.last();
        match value {
            _ if depth > DEPTH => self.fault(by, "where a code comes from cannot be seen"),
            Expr::Lit(literal) if let Lit::Str(text) = &literal.lit => self.make(text.value(), by),
            Expr::Path(path) => {
                let name = path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                if is_constant { self.constant(&name, by) } else { self.variable(&name, by, depth) }
            }
            // What carries a code was checked where that was made.
            Expr::Field(field) if matches!(&field.member, Member::Named(name) if name == "code") => {}
            Expr::MethodCall(call) if call.method == "code" => {}
            // Read again from the store.
            Expr::MethodCall(call) if call.method == "get" && self.path.starts_with("src/store") => {}
            // One of an array's.
            Expr::MethodCall(call) if call.method == "find" => {
                let elements = around.map(|names| names.elements(&call.receiver, 0)).unwrap_or_default();
                self.all(elements, by, depth);
            }
            // What a closure gives.
            Expr::MethodCall(call) if call.method == "find_map" => {
                let closure = call.args.first().and_then(variable).unwrap_or_default();
                let returned = around.and_then(|names| names.returned.get(&closure)).cloned().unwrap_or_default();
                self.all(returned, by, depth);
            }
            // No code.
            Expr::Call(call) if is_empty_text(&call.func) => {}
            Expr::Call(call) if let Some(name) = variable(&call.func) => {
                let returned = self.known.returned.get(&(self.path.to_owned(), name)).cloned().unwrap_or_default();
                self.all(returned, by, depth);
            }
            _ => self.fault(by, "what is given as a code is neither a literal nor a constant nor a variable"),
        }
    }

    fn all(&mut self, values: Vec<Expr>, by: &str, depth: usize) {
        if values.is_empty() {
            self.fault(by, "where a code comes from cannot be seen");
        }
        values.iter().for_each(|value| self.one(value, by, depth + 1));
    }

    fn constant(&mut self, name: &str, by: &str) {
        let known = self.known.constants.get(name).into_iter().flatten();
        let (here, elsewhere): (Vec<_>, Vec<_>) = known.partition(|(path, _)| path == self.path);
        let nearest = if here.is_empty() { elsewhere } else { here };
        let values: BTreeSet<&String> = nearest.into_iter().map(|(_, value)| value).collect();
        match values.len() {
            1 => values.into_iter().for_each(|value| self.make(value.clone(), by)),
            0 => self.fault(by, &format!("the constant {name} holds no literal")),
            _ => self.fault(by, &format!("several constants are called {name}; give this one a name of its own")),
        }
    }

    fn variable(&mut self, name: &str, by: &str, depth: usize) {
        let around = self.inside.last();
        let values = around.and_then(|names| names.bound.get(name)).cloned().unwrap_or_default();
        let taken = name == "code" && around.is_some_and(|names| names.taken);
        if values.is_empty() && !taken {
            self.fault(by, &format!("where {name} comes from cannot be seen; a parameter is code: &'static str"));
        }
        values.iter().for_each(|value| self.one(value, by, depth + 1));
    }

    fn make(&mut self, code: String, by: &str) {
        let site = Site { file: self.path.to_owned(), by: by.to_owned() };
        self.scan.made.entry(code).or_default().insert(site);
    }

    fn fault(&mut self, by: &str, what: &str) {
        self.scan.faults.push(format!("{}: {by}: {what}", self.path.display()));
    }
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let before = std::mem::replace(&mut self.owner, name_of(&item.self_ty));
        visit::visit_item_impl(self, item);
        self.owner = before;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.within(&item.sig, &item.block);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            self.within(&item.sig, &item.block);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let mut segments = path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
            let name = segments.next().unwrap_or_default();
            let owner = segments.next().filter(|owner| owner.starts_with(|c: char| c.is_ascii_uppercase()));
            let owner = if owner.as_deref() == Some("Self") { self.owner.clone() } else { owner };
            let by = owner.iter().map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>().join("::");
            let closure = self.inside.last().and_then(|names| names.closures.get(&name)).copied();
            let maker = self.known.makers.get(&(owner, name, call.args.len())).copied();
            if let Some(argument) = closure.or(maker).and_then(|place| call.args.get(place)) {
                self.given(argument, &by);
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let (name, count) = (call.method.to_string(), call.args.len());
        let all = self.known.makers.iter();
        let fitting = all.filter(|((owner, maker, arity), _)| owner.is_some() && *maker == name && *arity == count);
        let places: BTreeSet<usize> = fitting.map(|(_, place)| *place).collect();
        for place in places {
            self.given(&call.args[place], &format!(".{name}"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        let name = made.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let owner = if name == "Self" { self.owner.clone().unwrap_or_default() } else { name };
        if CARRIERS.contains(&owner.as_str()) {
            for field in &made.fields {
                if matches!(&field.member, Member::Named(name) if name == "code") {
                    self.given(&field.expr, &format!("{owner} {{}}"));
                }
            }
        }
        visit::visit_expr_struct(self, made);
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        if let Expr::Field(field) = &*assign.left
            && matches!(&field.member, Member::Named(name) if name == "code")
        {
            self.given(&assign.right, ".code =");
        }
        visit::visit_expr_assign(self, assign);
    }

    /// Problems are also made within `vec![…]` and the like.
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        if let Ok(arguments) = called.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            for argument in &arguments {
                self.visit_expr(argument);
            }
        }
    }
}

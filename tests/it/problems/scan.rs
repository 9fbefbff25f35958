//! Finds the problem codes that the sources make, by reading the sources as Rust. A code is made in one of these ways,
//! and in no other:
//!
//! - as the argument for a parameter `code: &'static str` of a function of the workspace, or `code` of a closure with a name
//! - as the field `code` of one of `CARRIERS`, or put into such a field later
//! - as what a function `code()` returns
//!
//! There it is a literal, a constant, or a variable whose literals stand in the same function. Anything else is a fault of
//! the scan, so that no code can hide from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprClosure, FnArg, Lit, Local, Member, Pat, Signature, Stmt, Token, Type};

/// Types that carry a code to where it is told.
const CARRIERS: [&str; 5] = ["Problem", "Note", "Unfit", "Refusal", "LinkRefusal"];

/// Types with a `code` that is none of a problem.
const OTHERS: [&str; 1] = ["ProblemCode"];

/// Methods that give on what they are called on.
const SAME: [&str; 7] = ["to_owned", "into", "clone", "to_string", "as_str", "as_ref", "into_owned"];

/// Methods of iterators that keep the elements they are called on.
const SAME_ELEMENTS: [&str; 5] = ["into_iter", "iter", "filter", "rev", "chain"];

/// A function that takes a code: its type, its name, how many arguments it has without `self`.
type Maker = (Option<String>, String, usize);

#[derive(Debug, Default)]
pub struct Scan {
    /// Code to the files that make it, and how.
    pub made: BTreeMap<String, BTreeSet<Site>>,
    /// What the scan does not understand.
    pub faults: Vec<String>,
}

/// What the sources define.
#[derive(Default)]
struct Definitions {
    /// Functions to the place of the argument that is a code.
    makers: HashMap<Maker, usize>,
    /// Name to the files and values of constants.
    constants: HashMap<String, Vec<(PathBuf, String)>>,
    /// The elements of constant arrays.
    arrays: HashMap<String, Vec<Expr>>,
    /// What functions return, by file and name.
    returned: HashMap<(PathBuf, String), Vec<Expr>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    pub file: PathBuf,
    /// `Problem::new`, `.problem`, `Unfit {}`.
    pub by: String,
}

impl Scan {
    /// Of files with their texts; the paths are only told.
    pub fn of(sources: &[(PathBuf, String)]) -> Scan {
        let mut scan = Scan::default();
        let mut files = Vec::new();
        for (path, text) in sources {
            files.push((path, syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))));
        }
        let mut known = Definitions::default();
        for (path, file) in &files {
            Signatures { scan: &mut scan, known: &mut known, path, owner: None }.visit_file(file);
        }
        for (path, file) in &files {
            Calls { scan: &mut scan, known: &known, path, owner: None, inside: Vec::new() }.visit_file(file);
        }
        scan
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().starts_with("test"))
    })
}

fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

fn is_static_str(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
        && name_of(&reference.elem).as_deref() == Some("str")
}

/// The parameters without `self`.
fn parameters(signature: &Signature) -> Vec<(&Pat, &Type)> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some((&*typed.pat, &*typed.ty)),
        FnArg::Receiver(_) => None,
    });
    typed.collect()
}

fn ident(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(named) => Some(named.ident.to_string()),
        Pat::Type(typed) => ident(&typed.pat),
        _ => None,
    }
}

fn place_of_code(closure: &ExprClosure) -> Option<usize> {
    closure.inputs.iter().position(|input| ident(input).as_deref() == Some("code"))
}

/// The first reading: which functions take a code, what constants hold, which types carry one.
struct Signatures<'s> {
    scan: &'s mut Scan,
    known: &'s mut Definitions,
    path: &'s Path,
    owner: Option<String>,
}

impl Signatures<'_> {
    fn signature(&mut self, signature: &Signature) {
        let parameters = parameters(signature);
        let takes = |(pattern, ty): &(&Pat, &Type)| ident(pattern).as_deref() == Some("code") && is_static_str(ty);
        if let Some(place) = parameters.iter().position(takes) {
            let maker = (self.owner.clone(), signature.ident.to_string(), parameters.len());
            let before = self.known.makers.insert(maker.clone(), place);
            if before.is_some_and(|before| before != place) {
                self.scan.faults.push(format!("two functions {maker:?} take their code at different places"));
            }
        }
    }

    fn constant(&mut self, name: &syn::Ident, value: &Expr) {
        match value {
            Expr::Lit(literal) if let Lit::Str(text) = &literal.lit => {
                self.known.constants.entry(name.to_string()).or_default().push((self.path.to_owned(), text.value()));
            }
            Expr::Array(array) => {
                self.known.arrays.entry(name.to_string()).or_default().extend(array.elems.iter().cloned());
            }
            _ => {}
        }
    }

    fn returned(&mut self, signature: &Signature, block: &Block) {
        let place = (self.path.to_owned(), signature.ident.to_string());
        self.known.returned.entry(place).or_default().extend(ends_of(block));
    }
}

impl<'ast> Visit<'ast> for Signatures<'_> {
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
        self.signature(&item.sig);
        self.returned(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.signature(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(&item.ident, &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident, &item.expr);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let is_code = |field: &syn::Field| {
            let name = name_of(&field.ty);
            let is_text = is_static_str(&field.ty) || matches!(name.as_deref(), Some("String" | "Cow"));
            field.ident.as_ref().is_some_and(|ident| ident == "code") && is_text
        };
        let name = item.ident.to_string();
        let known = CARRIERS.contains(&name.as_str()) || OTHERS.contains(&name.as_str());
        if !is_test(&item.attrs) && item.fields.iter().any(is_code) && !known {
            let path = self.path.display();
            self.scan.faults.push(format!("{path}: {name} has a code; is it one of CARRIERS or of OTHERS?"));
        }
    }
}

/// What the names inside one function stand for.
struct Names<'s> {
    known: &'s Definitions,
    path: &'s Path,
    /// Parameters `code` of the function, and of closures with a name.
    taken: bool,
    /// What variables are bound to, as far as it can be seen.
    bound: HashMap<String, Vec<Expr>>,
    /// Closures that take a code, and at which place.
    closures: HashMap<String, usize>,
    /// What closures return.
    returned: HashMap<String, Vec<Expr>>,
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
    fn elements(&self, value: &Expr, depth: usize) -> Vec<Expr> {
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

/// How far names are followed.
const DEPTH: usize = 8;

fn variable(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

fn ends_of(block: &Block) -> Vec<Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(last, None)) => ends(last),
        _ => Vec::new(),
    }
}

/// The expressions that a value can come from: the ends of branches.
fn ends(value: &Expr) -> Vec<Expr> {
    match value {
        Expr::If(branch) => {
            let mut all = ends_of(&branch.then_branch);
            all.extend(branch.else_branch.iter().flat_map(|(_, otherwise)| ends(otherwise)));
            all
        }
        Expr::Match(branch) => branch.arms.iter().flat_map(|arm| ends(&arm.body)).collect(),
        Expr::Block(block) => ends_of(&block.block),
        Expr::Paren(inner) => ends(&inner.expr),
        Expr::Group(inner) => ends(&inner.expr),
        Expr::Reference(inner) => ends(&inner.expr),
        Expr::Try(inner) => ends(&inner.expr),
        Expr::Return(_) | Expr::Continue(_) | Expr::Break(_) => Vec::new(),
        Expr::MethodCall(call) if SAME.contains(&call.method.to_string().as_str()) => ends(&call.receiver),
        Expr::Call(call) if is_wrapper(&call.func) => call.args.iter().flat_map(ends).collect(),
        _ => vec![value.clone()],
    }
}

/// `Cow::Owned`, `Cow::Borrowed`.
fn is_wrapper(called: &Expr) -> bool {
    matches!(called, Expr::Path(path) if path.path.segments.first().is_some_and(|segment| segment.ident == "Cow"))
}

/// `String::new`.
fn is_empty_text(called: &Expr) -> bool {
    let Expr::Path(path) = called else { return false };
    path.path.segments.iter().map(|segment| segment.ident.to_string()).eq(["String", "new"])
}

/// The second reading: what is given where a code is taken.
struct Calls<'s> {
    scan: &'s mut Scan,
    known: &'s Definitions,
    path: &'s Path,
    owner: Option<String>,
    /// The functions around, the innermost last.
    inside: Vec<Names<'s>>,
}

impl Calls<'_> {
    fn within(&mut self, signature: &Signature, block: &Block) {
        let takes = |(pattern, ty): &(&Pat, &Type)| ident(pattern).as_deref() == Some("code") && is_static_str(ty);
        let mut names = Names {
            known: self.known,
            path: self.path,
            taken: parameters(signature).iter().any(takes),
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

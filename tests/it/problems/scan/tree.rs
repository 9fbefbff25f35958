//! Small questions about a piece of source.

use syn::{Block, Expr, ExprClosure, FnArg, Pat, Signature, Stmt, Type};

/// Methods that give on what they are called on.
const SAME: [&str; 7] = ["to_owned", "into", "clone", "to_string", "as_str", "as_ref", "into_owned"];

pub(super) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().starts_with("test"))
    })
}

pub(super) fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

pub(super) fn is_static_str(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
        && name_of(&reference.elem).as_deref() == Some("str")
}

/// The place of the parameter `code: &'static str`, and how many there are; `self` is not counted.
pub(super) fn place_of_parameter(signature: &Signature) -> Option<(usize, usize)> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let place =
        typed.clone().position(|typed| ident(&typed.pat).as_deref() == Some("code") && is_static_str(&typed.ty));
    Some((place?, typed.count()))
}

pub(super) fn ident(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(named) => Some(named.ident.to_string()),
        Pat::Type(typed) => ident(&typed.pat),
        _ => None,
    }
}

pub(super) fn place_of_code(closure: &ExprClosure) -> Option<usize> {
    closure.inputs.iter().position(|input| ident(input).as_deref() == Some("code"))
}

/// How far names are followed.
pub(super) const DEPTH: usize = 8;

pub(super) fn variable(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

pub(super) fn ends_of(block: &Block) -> Vec<Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(last, None)) => ends(last),
        _ => Vec::new(),
    }
}

/// The expressions that a value can come from: the ends of branches.
pub(super) fn ends(value: &Expr) -> Vec<Expr> {
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
pub(super) fn is_wrapper(called: &Expr) -> bool {
    matches!(called, Expr::Path(path) if path.path.segments.first().is_some_and(|segment| segment.ident == "Cow"))
}

/// `String::new`.
pub(super) fn is_empty_text(called: &Expr) -> bool {
    let Expr::Path(path) = called else { return false };
    path.path.segments.iter().map(|segment| segment.ident.to_string()).eq(["String", "new"])
}

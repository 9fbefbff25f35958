//! The first reading: which functions take a code, what constants hold, which types carry one.

use super::tree::{ends_of, is_static_str, is_test, name_of, place_of_parameter};
use super::{CARRIERS, Scan};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Block, Expr, Lit, Signature};

/// A function that takes a code: its type, its name, how many arguments it has without `self`.
pub(super) type Maker = (Option<String>, String, usize);

/// What the sources define.
#[derive(Default)]
pub(super) struct Definitions {
    /// Functions to the place of the argument that is a code.
    pub(super) makers: HashMap<Maker, usize>,
    /// Name to the files and values of constants.
    pub(super) constants: HashMap<String, Vec<(PathBuf, String)>>,
    /// The elements of constant arrays.
    pub(super) arrays: HashMap<String, Vec<Expr>>,
    /// What functions return, by file and name.
    pub(super) returned: HashMap<(PathBuf, String), Vec<Expr>>,
}

/// The first reading: which functions take a code, what constants hold, which types carry one.
pub(super) struct Signatures<'s> {
    pub(super) scan: &'s mut Scan,
    pub(super) known: &'s mut Definitions,
    pub(super) path: &'s Path,
    pub(super) owner: Option<String>,
}

impl Signatures<'_> {
    fn signature(&mut self, signature: &Signature) {
        if let Some((place, count)) = place_of_parameter(signature) {
            let maker = (self.owner.clone(), signature.ident.to_string(), count);
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
        let known = CARRIERS.contains(&name.as_str());
        if !is_test(&item.attrs) && item.fields.iter().any(is_code) && !known {
            let path = self.path.display();
            self.scan
                .faults
                .push(format!("{path}: {name} has a code: it is one of CARRIERS, or its field has another name"));
        }
    }
}

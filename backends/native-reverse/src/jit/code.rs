//! Functions in machine code: made, called and freed here.
//!
//! This is the one file of this module with `unsafe` code. Machine code has no types: what it is called
//! with, and how far it reads and writes, is an agreement that [`Code::call`] checks as far as it can
//! be checked, by the lengths that the code was declared to reach.

#![allow(
    unsafe_code,
    reason = "machine code is called through a pointer, and its memory freed by hand"
)]

use std::fmt::{self, Debug};

use ad_api::{AdError, Failure};
use cranelift_codegen::ir::{AbiParam, Function, Signature, types};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, default_libcall_names};

/// Memory that machine code reads, or reads and writes.
#[derive(Debug)]
pub(crate) enum Area<'a> {
    Read(&'a [f64]),
    Write(&'a mut [f64]),
}

/// How far the code reaches into an area: so many numbers, and so many for each of the steps that it is
/// called for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) fixed: usize,
    pub(crate) each: usize,
    pub(crate) writes: bool,
}

/// In which order instructions are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they are written.
    AsWritten,
    /// Each where its result is stored, without what is computed twice.
    AsWanted,
}

/// A function `(areas, steps) -> count` in machine code.
pub(crate) struct Code {
    module: Option<JITModule>,
    entry: Entry,
    reaches: Vec<Reach>,
    bytes: usize,
}

/// How the code is called: with pointers to the areas, and the number of steps.
type Entry = extern "C" fn(*const *mut f64, u64) -> u64;

impl Code {
    /// Compiles what `emit` writes into a function, whose areas are reached as it says.
    ///
    /// # Errors
    ///
    /// [`AdError::Engine`] if the compiler fails, also because it does not know this processor.
    pub(crate) fn new(
        order: Order,
        emit: impl FnOnce(
            &mut Function,
            &mut FunctionBuilderContext,
            TargetFrontendConfig,
        ) -> Vec<Reach>,
    ) -> Result<Self, AdError> {
        let failed = |cause: Failure| AdError::Engine {
            backend: "native-reverse".into(),
            operation: "machine code",
            cause,
        };
        let mut flags = settings::builder();
        for (name, value) in [
            ("opt_level", if order == Order::AsWritten { "none" } else { "speed" }),
            ("is_pic", "false"),
            // Loads are repeated on purpose: see the emitter.
            ("enable_alias_analysis", "false"),
            ("use_colocated_libcalls", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ] {
            flags.set(name, value).map_err(|error| failed(error.into()))?;
        }
        let isa = cranelift_native::builder()
            .map_err(|error| failed(Failure::new(error)))?
            .finish(settings::Flags::new(flags))
            .map_err(|error| failed(error.into()))?;
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let mut context = module.make_context();
        context.func.signature = signature(&module);
        let config = module.target_config();
        let reaches = emit(&mut context.func, &mut FunctionBuilderContext::new(), config);
        let done = module
            .declare_anonymous_function(&context.func.signature)
            .and_then(|id| module.define_function(id, &mut context).map(|()| id))
            .and_then(|id| module.finalize_definitions().map(|()| id));
        let bytes = context.compiled_code().map_or(0, |code| code.code_buffer().len());
        module.clear_context(&mut context);
        match done {
            Ok(id) => {
                let entry = module.get_finalized_function(id);
                // SAFETY: the function was compiled for this processor with the signature and calling
                // convention of `Entry`, and its memory is kept until `drop`.
                let entry = unsafe { std::mem::transmute::<*const u8, Entry>(entry) };
                Ok(Code { module: Some(module), entry, reaches, bytes })
            }
            Err(error) => {
                // SAFETY: no pointer to a function of the module has been handed out.
                unsafe { module.free_memory() };
                Err(failed(error.into()))
            }
        }
    }

    /// Calls it for so many steps.
    ///
    /// # Panics
    ///
    /// If an area is missing, shorter than the code reaches, or not to be written where it writes.
    pub(crate) fn call<const N: usize>(&self, areas: [Area<'_>; N], steps: usize) -> usize {
        assert_eq!(areas.len(), self.reaches.len(), "machine code has other areas");
        let mut pointers = [std::ptr::null_mut(); N];
        for ((pointer, area), reach) in pointers.iter_mut().zip(areas).zip(&self.reaches) {
            let needed = steps.checked_mul(reach.each).and_then(|n| n.checked_add(reach.fixed));
            let (len, at, writable) = match area {
                Area::Read(area) => (area.len(), area.as_ptr().cast_mut(), false),
                Area::Write(area) => (area.len(), area.as_mut_ptr(), true),
            };
            assert!(needed.is_some_and(|needed| needed <= len), "an area is too short: {reach:?}");
            assert!(writable || !reach.writes, "an area that is written is borrowed for reading");
            *pointer = at;
        }
        // The areas are borrowed for the call, which keeps to their lengths (asserted above, from what
        // the emitter has noted of each access), writes only to areas that are borrowed for writing, and
        // calls nothing but functions of numbers that do not unwind.
        let count = (self.entry)(pointers.as_ptr(), steps as u64);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The bytes of machine code.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn signature(module: &JITModule) -> Signature {
    let mut signature = module.make_signature();
    let pointer = module.target_config().pointer_type();
    signature.params.extend([AbiParam::new(pointer), AbiParam::new(types::I64)]);
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the entry into it goes with `self`, and no call is in progress: calls borrow
            // `self`.
            unsafe { module.free_memory() };
        }
    }
}

impl Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("reaches", &self.reaches).finish_non_exhaustive()
    }
}

//! The module's side of the ABI: memory, log, host. The only unsafe code.

use crate::{op, to_string, Error, HostOp};
use alloc::string::String;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// For the author alone.
    Debug,
    /// The usual one.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// Turns what a program gave into what goes over the wire: the bytes, and whether
/// they are a failure.
pub fn wire(result: Result<String, Error>) -> (String, bool) {
    match result {
        Ok(answer) => (answer, false),
        Err(e) => (to_string(&e).unwrap_or_default(), true),
    }
}

/// Gives the answer to an op that the skill does not have.
pub fn no_op(op: i32) -> Error {
    op::unsupported("op", &alloc::format!("{}", op))
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[link(wasm_import_module = "plim")]
    extern "C" {
        #[link_name = "log"]
        fn plim_log(level: i32, at: *const u8, len: usize);
        #[link_name = "host"]
        fn plim_host(op: i32, at: *const u8, len: usize) -> i64;
        #[link_name = "host_read"]
        fn plim_host_read(at: *mut u8, cap: usize) -> i32;
    }

    /// Writes a line for whoever develops the skill. Nothing decides by it.
    pub fn log(level: Level, line: &str) {
        // SAFETY: the host reads the line and keeps nothing of it.
        unsafe { plim_log(level as i32, line.as_ptr(), line.len()) }
    }

    /// Asks the host; both answer and failure are JSON.
    pub fn host(op: HostOp, payload: &str) -> Result<String, String> {
        // SAFETY: the host reads the payload, and writes at most answer.len() bytes.
        let (packed, answer) = unsafe {
            let packed = plim_host(op as i32, payload.as_ptr(), payload.len()) as u64;
            let mut answer: Vec<u8> = vec![0; (packed & 0x7fff_ffff) as usize];
            let n = plim_host_read(answer.as_mut_ptr(), answer.len());
            answer.truncate(n.max(0) as usize);
            (packed, answer)
        };
        let answer = String::from_utf8(answer).unwrap_or_default();
        if packed >> 31 & 1 == 0 {
            Ok(answer)
        } else {
            Err(answer)
        }
    }

    /// Answers plim_alloc. The room is never freed: the host restores memory.
    pub fn room(n: usize) -> *mut u8 {
        let mut v: Vec<u8> = Vec::new();
        if n > isize::MAX as usize || v.try_reserve_exact(n.max(1)).is_err() {
            return core::ptr::null_mut();
        }
        core::mem::ManuallyDrop::new(v).as_mut_ptr()
    }

    /// Answers plim_call.
    ///
    /// # Safety
    /// `at` and `len` must be what the host wrote into room that `room` gave.
    pub unsafe fn call(program: fn(i32, &[u8]) -> Result<String, Error>, op: i32, at: *const u8, len: usize) -> i64 {
        let end = (core::arch::wasm32::memory_size(0) as u64) << 16;
        if at.is_null() || at as u64 + len as u64 > end {
            return 0;
        }
        #[cfg(feature = "std")]
        std::panic::set_hook(std::boxed::Box::new(|info| log(Level::Error, &alloc::format!("{}", info))));
        // SAFETY: checked above to lie in memory; nobody writes it during the call.
        let input = unsafe { core::slice::from_raw_parts(at, len) };
        let (answer, failed) = wire(program(op, input));
        let answer = core::mem::ManuallyDrop::new(answer); // the host reads it after the call
        ((answer.as_ptr() as u64) << 32 | (failed as u64) << 31 | answer.len() as u64) as i64
    }

    #[cfg(feature = "bump")]
    mod bump {
        use core::alloc::{GlobalAlloc, Layout};
        use core::cell::UnsafeCell;

        /// Memory that the module has from the start: a call that gets by with it
        /// need not grow memory, which costs a host the instance.
        const START: usize = 256 << 10;

        #[repr(align(16))]
        struct Start(UnsafeCell<[u8; START]>);
        // SAFETY: a module has one thread.
        unsafe impl Sync for Start {}
        static BEGIN: Start = Start(UnsafeCell::new([0; START]));

        /// An allocator that moves forward, and back only over the last piece.
        struct Bump(UnsafeCell<(usize, usize)>); // the first free byte, and the end
        // SAFETY: a module has one thread.
        unsafe impl Sync for Bump {}

        #[global_allocator]
        static ALLOCATOR: Bump = Bump(UnsafeCell::new((0, 0)));

        impl Bump {
            /// Makes [from, from + n) ours, growing memory when it ends too early.
            fn extend(&self, from: usize, n: usize) -> bool {
                // SAFETY: a module has one thread, and this borrow ends here.
                let (top, end) = unsafe { &mut *self.0.get() };
                let want = match from.checked_add(n) {
                    Some(want) if want <= isize::MAX as usize => want,
                    _ => return false,
                };
                if want > *end {
                    let pages = (want - *end + 0xffff) >> 16;
                    if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                        return false;
                    }
                    *end += pages << 16;
                }
                *top = want;
                true
            }

            /// The first free byte at a multiple of align. When the first piece of
            /// memory is used up, what follows lies behind the module's own.
            fn next(&self, align: usize, n: usize) -> usize {
                // SAFETY: as above.
                let (top, end) = unsafe { &mut *self.0.get() };
                if *end == 0 {
                    *top = BEGIN.0.get() as usize;
                    *end = *top + START;
                }
                let at = (*top + align - 1) & !(align - 1);
                let first = BEGIN.0.get() as usize + START;
                if *end == first && at.saturating_add(n) > first {
                    *end = core::arch::wasm32::memory_size(0) << 16;
                    *top = *end;
                    return (*top + align - 1) & !(align - 1);
                }
                at
            }
        }

        // SAFETY: pieces do not overlap: each begins at or behind the first free
        // byte, and the first free byte moves behind it.
        unsafe impl GlobalAlloc for Bump {
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                let at = self.next(layout.align(), layout.size());
                if self.extend(at, layout.size()) {
                    at as *mut u8
                } else {
                    core::ptr::null_mut()
                }
            }

            unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
                // SAFETY: as above.
                let (top, _) = unsafe { &mut *self.0.get() };
                if at as usize + layout.size() == *top {
                    *top = at as usize;
                }
            }

            unsafe fn realloc(&self, at: *mut u8, layout: Layout, n: usize) -> *mut u8 {
                // SAFETY: as above.
                let (top, end) = unsafe { *self.0.get() };
                let last = at as usize + layout.size() == top;
                let first = BEGIN.0.get() as usize + START;
                let stays = last && (end != first || at as usize + n <= first);
                if stays && self.extend(at as usize, n) {
                    return at;
                }
                // SAFETY: the new piece is another one and at least as long as what is copied.
                unsafe {
                    let to = self.alloc(Layout::from_size_align_unchecked(n, layout.align()));
                    if !to.is_null() {
                        core::ptr::copy_nonoverlapping(at, to, layout.size().min(n));
                    }
                    to
                }
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

/// Writes a line for whoever develops the skill: to stderr in tests, to the run's
/// capped log in the sandbox. Nothing decides by it.
#[cfg(not(target_arch = "wasm32"))]
pub fn log(level: Level, line: &str) {
    #[cfg(feature = "std")]
    std::eprintln!("skill: {:?}: {}", level, line);
    #[cfg(not(feature = "std"))]
    let _ = (level, line);
}

#[cfg(not(target_arch = "wasm32"))]
/// There is none.
pub fn host(op: HostOp, _payload: &str) -> Result<String, String> {
    Err(alloc::format!(r#"{{"code":"capability","message":"there is no host outside of the sandbox to do {:?}: tests use Host::fake"}}"#, op))
}

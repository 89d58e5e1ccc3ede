/// Registers a skill. Once in a module, with what the skill has of these, in this
/// order:
///
/// ```
/// # use plimsoll::*;
/// # type In = Json; type Out = Json;
/// # fn prepare(_: In, _: &Turn) -> Result<Prompt, Error> { Ok(Prompt::new(vec![])) }
/// # fn finish(_: In, _: &Answer) -> Result<Out, Error> { Ok(Json::Null) }
/// # fn everybody(_: &In, _: &Out) -> Result<Verdict, Error> { Ok(Verdict::pass()) }
/// # fn card(_: &In, _: &Out) -> Result<String, Error> { Ok("".into()) }
/// # fn run(_: In, _: &mut Host) -> Result<Out, Error> { Ok(Json::Null) }
/// plimsoll::skill! {
///     name: "hello-skill",
///     version: "1.0.0",
///     prepare: prepare,                   // fn(In, &Turn) -> Result<Prompt, Error>
///     finish: finish,                     // fn(In, &Answer) -> Result<Out, Error>
///     check: { "everybody": everybody },  // fn(&In, &Out) -> Result<Verdict, Error>
///     render: { "card": card },           // fn(&In, &Out) -> Result<String, Error>
///     run: run,                           // fn(In, &mut Host) -> Result<Out, Error>
///     capabilities: ["model.generate"],
///     limits: r#"{"timeout_ms":500}"#,    // input, output, self_tests likewise: canonical JSON
/// }
/// # fn main() {}
/// ```
///
/// It makes the module's exports, its manifest section, and `answer(op, input)`,
/// which does natively what the module does.
#[macro_export]
macro_rules! skill {
    (
        name: $name:expr
        $(, version: $version:expr)?
        $(, prepare: $prepare:path)?
        $(, finish: $finish:path)?
        $(, check: { $($gate:literal : $check:path),+ $(,)? })?
        $(, render: { $($format:literal : $render:path),+ $(,)? })?
        $(, run: $run:path)?
        $(, capabilities: [$($capability:literal),* $(,)?])?
        $(, input: $input:expr)?
        $(, limits: $limits:expr)?
        $(, output: $output:expr)?
        $(, self_tests: $self_tests:expr)?
        $(,)?
    ) => {
        const PLIM_SAID: $crate::manifest::Manifest<'static> = $crate::manifest::Manifest {
            name: $name,
            version: concat!($($version)?),
            ops: &[
                $({ let _ = stringify!($prepare); "prepare" },)?
                $({ let _ = stringify!($finish); "finish" },)?
                $({ let _ = stringify!($($check)+); "check" },)?
                $({ let _ = stringify!($($render)+); "render" },)?
                $({ let _ = stringify!($run); "run" },)?
            ],
            gates: &[$($($gate),+)?],
            formats: &[$($($format),+)?],
            capabilities: &[$($($capability),*)?],
            input: concat!($($input)?),
            limits: concat!($($limits)?),
            output: concat!($($output)?),
            self_tests: concat!($($self_tests)?),
        };
        #[cfg_attr(target_arch = "wasm32", link_section = "plim.manifest")]
        #[used]
        static PLIM_MANIFEST: [u8; $crate::manifest::length(&PLIM_SAID)] = $crate::manifest::bytes(&PLIM_SAID);

        /// Answers one op as the module does; the payloads are those of the ABI.
        pub fn answer(op: i32, input: &[u8]) -> ::core::result::Result<$crate::export::String, $crate::Error> {
            const SAID: [u8; $crate::manifest::length(&PLIM_SAID)] = $crate::manifest::bytes(&PLIM_SAID);
            match op {
                0 => $crate::op::text(&SAID).map($crate::export::String::from),
                $(1 => $crate::op::prepare(input, $prepare),)?
                $(2 => $crate::op::finish(input, $finish),)?
                $(3 => match &$crate::op::named(input, "gate")?[..] {
                    $($gate => $crate::op::check(input, $check),)+
                    name => Err($crate::op::unsupported("gate", name)),
                },)?
                $(4 => match &$crate::op::named(input, "format")?[..] {
                    $($format => $crate::op::render(input, $render),)+
                    name => Err($crate::op::unsupported("format", name)),
                },)?
                $(5 => $crate::op::run(input, $run),)?
                _ => Err($crate::export::no_op(op)),
            }
        }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub extern "C" fn plim_abi_1() {}

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub extern "C" fn plim_alloc(n: usize) -> *mut u8 {
            $crate::export::room(n)
        }

        /// # Safety
        /// Hosts call this with what they wrote into the room of plim_alloc.
        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub unsafe extern "C" fn plim_call(op: i32, at: *const u8, len: usize) -> i64 {
            unsafe { $crate::export::call(answer, op, at, len) }
        }
    };
}

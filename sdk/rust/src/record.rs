/// Defines structs that travel as JSON objects, with their fields as members.
/// Absent and null are the default of the field's type; members that the struct
/// does not have are passed over. Every field's type must implement
/// [`Read`](crate::Read) and [`Write`](crate::Write).
///
/// ```
/// plimsoll::record! {
///     /// Somebody to greet.
///     pub struct Person { pub name: String, pub r#type: Option<String> }
/// }
/// let who: Person = plimsoll::parse(r#"{"name": "Ada", "age": 36}"#).unwrap();
/// assert_eq!(who, Person { name: "Ada".into(), r#type: None });
/// assert_eq!(plimsoll::to_string(&who).unwrap(), r#"{"name":"Ada","type":null}"#);
/// ```
#[macro_export]
macro_rules! record {
    ($( $(#[$about:meta])* $vis:vis struct $name:ident {
        $( $(#[$told:meta])* $seen:vis $field:ident : $type:ty ),* $(,)?
    } )*) => { $(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $vis struct $name { $( $(#[$told])* $seen $field: $type ),* }

        impl $crate::Read for $name {
            fn read(r: &mut $crate::Reader<'_>) -> ::core::result::Result<Self, $crate::Bad> {
                let mut v = Self::default();
                r.object(|r, name| {
                    $( if name == stringify!($field).trim_start_matches("r#") {
                        v.$field = r.value()?;
                        return Ok(());
                    } )*
                    r.skip().map(|_| ())
                })?;
                Ok(v)
            }
        }

        impl $crate::Write for $name {
            fn write(&self, w: &mut $crate::Writer) {
                w.object(|w| { $( w.member(stringify!($field).trim_start_matches("r#"), &self.$field); )* let _ = w; })
            }
        }
    )* };
}

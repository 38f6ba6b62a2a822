//! What is posted: the same payload to everybody.

/// The payload of every job: 150 bytes, as in the other table.
pub const PAYLOAD: &str = concat!(
    r#"{"customer":"c-0017","document":"invoice","lines":[1,2,3,4,5,6],"#,
    r#""note":"to be printed and sent before the end of the month, with a copy for the file"}"#
);

/// A job of the program that is done at once.
pub fn noop() -> String {
    format!(r#"{{"subType":"noop","payload":{PAYLOAD}}}"#)
}

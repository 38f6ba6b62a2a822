//! Keys of the encryption at rest, as somebody writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faena::store::sealed::EncryptionKey;

#[test]
fn keys_are_read_with_and_without_an_id() {
    let bytes = STANDARD.encode([7; 32]);
    let read = |text: &str| text.parse::<EncryptionKey>();
    assert_eq!(read(&format!("2026-a.b_c:{bytes}")).unwrap().id(), "2026-a.b_c");
    let own = read(&bytes).unwrap();
    assert!(own.id().starts_with('k') && own.id().len() == 9, "{own:?}");
    assert_eq!(own, read(&format!(" {bytes}\n")).unwrap());
    assert_ne!(own.id(), read(&STANDARD.encode([8; 32])).unwrap().id());
    for bad in [
        "",
        "short",
        "a:short",
        &format!(":{bytes}"),
        &format!("a b:{bytes}"),
        &bytes[4..],
        &format!("{}:{bytes}", "i".repeat(33)),
    ] {
        let complaint = read(bad).unwrap_err();
        assert!(!complaint.contains(&bytes[4..20]), "it repeats no key: {complaint}");
    }
}

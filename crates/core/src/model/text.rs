//! From bytes to text.

use crate::yaml::SyntaxError;

/// Takes content as the UTF-8 that YAML files are, or says where it stops being that.
pub(crate) fn decode(content: &[u8]) -> Result<&str, SyntaxError> {
    std::str::from_utf8(content).map_err(|error| {
        let offset = error.valid_up_to();
        let before = &content[..offset];
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let byte = content.get(offset).copied().unwrap_or_default();
        SyntaxError {
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            // Up to here the bytes are known to be UTF-8.
            column: 1 + String::from_utf8_lossy(&before[start..]).chars().count(),
            pointer: String::new(),
            code: "not_utf8",
            message: format!("the file is not UTF-8: byte {offset} is 0x{byte:02x}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_byte_has_its_place() {
        let error = decode(b"a: 1\n\xc3\xbc\xff").unwrap_err();
        assert_eq!((error.code, error.line, error.column), ("not_utf8", 2, 2));
        assert_eq!(error.message, "the file is not UTF-8: byte 7 is 0xff");
        assert_eq!(decode(b"\xc3").unwrap_err().column, 1);
        assert_eq!(decode("ü".as_bytes()), Ok("ü"));
    }
}

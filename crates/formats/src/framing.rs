//! Where records end in bytes that run on, as in a file or a socket.

use crate::decoder::RECORD_BYTES_MAX;

/// How records of a format lie one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A delimiter ends each.
    Delimited {
        /// The byte that ends a record.
        delimiter: u8,
        /// Where the delimiter ends nothing.
        quoting: Option<Quoting>,
    },
    /// Records don't say where they end: something outside of the format must.
    Outside,
}

/// How fields of a record may hold its delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoting {
    /// The byte between fields: only at a field's beginning a quote opens it.
    pub field_delimiter: u8,
    /// The byte around fields, doubled inside.
    pub quote: Option<u8>,
    /// The byte before one that is taken as it is.
    pub escape: Option<u8>,
    /// Records that begin with `#` have no fields.
    pub comments: bool,
}

/// A record whose end is not in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It may come with more bytes.
    NeedsMore,
    /// It is longer than any record may be: the input is not what it was taken for.
    TooLong,
}

impl Framing {
    /// A line each.
    pub(crate) const LINES: Framing = Framing::Delimited { delimiter: b'\n', quoting: None };

    /// What ends a record that is written among others.
    pub fn end(&self) -> &'static [u8] {
        // The row delimiter is one byte: a static slice of each there is.
        static BYTES: [u8; 256] = {
            let mut bytes = [0; 256];
            let mut at = 0;
            while at < 256 {
                bytes[at] = at as u8;
                at += 1;
            }
            bytes
        };
        match self {
            Framing::Delimited { delimiter, .. } => {
                BYTES.get(usize::from(*delimiter)..=usize::from(*delimiter)).unwrap_or_default()
            }
            Framing::Outside => &[],
        }
    }

    /// How many bytes the first record has, and how many its end.
    ///
    /// What is left when the input ends is a record, too, if there is anything.
    pub fn first(&self, bytes: &[u8]) -> Result<(usize, usize), Unfinished> {
        let found = match *self {
            Framing::Outside => None,
            Framing::Delimited { delimiter, quoting: Some(quoting) } if !quoting.is_comment(bytes) => {
                quoting.find_outside(delimiter, bytes)
            }
            Framing::Delimited { delimiter, .. } => memchr::memchr(delimiter, bytes),
        };
        match found {
            Some(at) if at <= RECORD_BYTES_MAX => Ok((at, 1)),
            None if bytes.len() <= RECORD_BYTES_MAX => Err(Unfinished::NeedsMore),
            _ => Err(Unfinished::TooLong),
        }
    }
}

impl Quoting {
    fn is_comment(&self, bytes: &[u8]) -> bool {
        self.comments && bytes.first() == Some(&b'#')
    }

    /// The first delimiter that is neither quoted nor escaped.
    fn find_outside(&self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        let (mut at, mut begins, mut quoted) = (0, true, false);
        while let Some(&byte) = bytes.get(at) {
            let doubled = quoted && Some(byte) == self.quote && bytes.get(at + 1).copied() == self.quote;
            if doubled || Some(byte) == self.escape {
                at += 2;
                begins = false;
                continue;
            }
            if Some(byte) == self.quote && (quoted || begins) {
                quoted = !quoted;
            } else if byte == delimiter && !quoted {
                return Some(at);
            }
            begins = byte == self.field_delimiter && !quoted;
            at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TEXT_SCALARS, Types, random_batch, random_schema, rng, rows};
    use crate::{Format, Records};
    use proptest::prelude::*;

    fn split(framing: Framing, mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut records = Vec::new();
        while let Ok((length, end)) = framing.first(bytes) {
            records.push(&bytes[..length]);
            bytes = &bytes[length + end..];
        }
        records.extend((!bytes.is_empty()).then_some(bytes));
        records
    }

    #[test]
    fn a_line_ends_at_its_delimiter_unless_it_is_quoted() {
        let csv = Format::named("csv", &Default::default()).unwrap().framing();
        assert_eq!(split(csv, b"a,\"b\n\"\"c\"\nd"), [&b"a,\"b\n\"\"c\""[..], b"d"]);
        assert_eq!(split(csv, b"5\" disk,1\n3\" disk,2\n"), [b"5\" disk,1", b"3\" disk,2"]);
        assert_eq!(split(Framing::LINES, b"\"a\nb\"\n"), [&b"\"a"[..], b"b\""]);
        assert_eq!(Framing::LINES.end(), b"\n");
        assert_eq!(Framing::LINES.first(b"abc"), Err(Unfinished::NeedsMore));
        assert_eq!(Framing::LINES.first(&vec![b'x'; RECORD_BYTES_MAX + 1]), Err(Unfinished::TooLong));
        assert_eq!(Format::named("avro", &Default::default()).unwrap().framing(), Framing::Outside);
    }

    proptest! {
        #[test]
        fn what_is_written_to_a_file_is_cut_into_the_same_records(seed: u64, csv: bool, escape: bool) {
            let rng = &mut rng(seed);
            let schema = random_schema(rng, Types { scalars: TEXT_SCALARS, nested: !csv, lists_of_scalars: false });
            let batch = random_batch(rng, &schema);
            let mut options = vec![("csv.null-literal", "\\N")];
            if escape {
                options.push(("csv.escape-character", "'"));
            }
            let format = Format::named(if csv { "csv" } else { "json" }, &options.into_iter().collect()).unwrap();
            let mut records = Records::new();
            format.encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
            let file: Vec<u8> = records.iter().flat_map(|record| [record, format.framing().end()].concat()).collect();
            let decoded = format.decoder(schema).unwrap().decode(&split(format.framing(), &file)).unwrap();
            prop_assert_eq!(rows(&decoded.rows), rows(&batch));
        }
    }
}

//! shoplane.rs - Shoplane's SDK for plugins in Rust: the tables and functions of <shoplane/*.h>, as far as a lane and a metric parser
//! need them; for Rust 1.77 and later, edition 2021. The headers are the contract; names, order and sizes here are theirs, which a test compares one by one.
//!
//! A plugin is a `cdylib` that includes this file (`#[path = ".../shoplane.rs"] mod shoplane;`) and ends with `plugin!(LANE, METRIC)`.
//! What Rust adds to the contract: no panic leaves a function (build with `panic = "abort"`, and have none), and what `open` makes for
//! longer than a call is boxed there and dropped by `close`.
#![allow(dead_code)]

use std::os::raw::{c_char, c_void};

pub const SDK_MAJOR: u32 = 1;
pub const SDK_MINOR: u32 = 3;

// ---- types.h ----

#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    pub data: *const c_char,
    pub size: usize,
}
impl View {
    pub const NONE: View = View { data: std::ptr::null(), size: 0 };
    /// Its bytes: UTF-8, for as long as the call lasts.
    pub fn bytes(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.data as *const u8, self.size) }
    }
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Text {
    pub handle: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Stamp {
    pub time_ms: i64,
    pub id: u64,
}

#[repr(i32)]
#[derive(Clone, Copy)]
pub enum Type {
    None = 0,
    Bool,
    U8,
    I32,
    I64,
    F64,
    Money,
    Text,
    Counts,
    List,
    Choice,
    Sum,
}

#[repr(C)]
pub struct Field {
    pub name: *const c_char,
    pub help: *const c_char,
    pub kind: Type,
    pub offset: u32,
    pub size: u32,
}
impl Field {
    pub const END: Field = Field { name: std::ptr::null(), help: std::ptr::null(), kind: Type::None, offset: 0, size: 0 };
}

#[repr(C)]
pub struct Param {
    pub name: *const c_char,
    pub help: *const c_char,
    pub kind: Type,
    pub offset: u32,
    pub default_number: f64,
    pub min: f64,
    pub max: f64,
    pub default_text: *const c_char,
    pub choices: *const *const c_char,
}
impl Param {
    pub const END: Param = Param {
        name: std::ptr::null(),
        help: std::ptr::null(),
        kind: Type::None,
        offset: 0,
        default_number: 0.0,
        min: 0.0,
        max: 0.0,
        default_text: std::ptr::null(),
        choices: std::ptr::null(),
    };
}

// ---- event.h ----

#[repr(C)]
pub struct Input {
    pub name: *const c_char,
    pub path: *const c_char,
}
impl Input {
    pub const END: Input = Input { name: std::ptr::null(), path: std::ptr::null() };
}

#[repr(C)]
pub struct EventTable {
    pub struct_size: u32,
    pub count: unsafe extern "C" fn(*const Event, u32) -> u32,
    pub view: unsafe extern "C" fn(*const Event, u32, u32) -> View,
    pub text: unsafe extern "C" fn(*const Event, u32, u32) -> Text,
    pub money: unsafe extern "C" fn(*const Event, u32, u32, *mut i64) -> bool,
    pub number: unsafe extern "C" fn(*const Event, u32, u32, *mut f64) -> bool,
    pub flag: unsafe extern "C" fn(*const Event, u32, u32, *mut bool) -> bool,
}

#[repr(C)]
pub struct Event {
    pub table: *const EventTable,
    pub at: Stamp,
    pub kind: u32,
    pub reserved: u32,
}
impl Event {
    pub fn count(&self, input: u32) -> u32 {
        unsafe { ((*self.table).count)(self, input) }
    }
    pub fn view(&self, input: u32) -> View {
        unsafe { ((*self.table).view)(self, input, 0) }
    }
    pub fn text(&self, input: u32) -> Text {
        unsafe { ((*self.table).text)(self, input, 0) }
    }
    /// In micros; `None`: it is missing.
    pub fn money(&self, input: u32) -> Option<i64> {
        let mut micros = 0;
        unsafe { ((*self.table).money)(self, input, 0, &mut micros) }.then_some(micros)
    }
    pub fn number(&self, input: u32) -> Option<f64> {
        let mut number = 0.0;
        unsafe { ((*self.table).number)(self, input, 0, &mut number) }.then_some(number)
    }
    pub fn flag(&self, input: u32) -> Option<bool> {
        let mut flag = false;
        unsafe { ((*self.table).flag)(self, input, 0, &mut flag) }.then_some(flag)
    }
}

// ---- scratch.h ----

#[repr(C)]
pub struct Counts {
    _hidden: [u8; 0],
}
#[repr(C)]
pub struct List {
    _hidden: [u8; 0],
}
#[repr(C)]
pub struct Map {
    _hidden: [u8; 0],
}

/// As much of the host's table as this file uses; it goes on behind.
#[repr(C)]
pub struct ScratchTable {
    pub struct_size: u32,
    pub alloc: unsafe extern "C" fn(*mut Scratch, usize) -> *mut c_void,
    pub text_view: unsafe extern "C" fn(*const Scratch, *const Text) -> View,
    pub counts_add: unsafe extern "C" fn(*mut Scratch, *mut *mut Counts, Text, i64) -> i64,
    pub counts_size: unsafe extern "C" fn(*const Counts) -> i64,
    pub counts_top: unsafe extern "C" fn(*const Counts) -> Text,
    pub list_add: unsafe extern "C" fn(*mut Scratch, *mut *mut List, Text) -> bool,
    pub list_size: unsafe extern "C" fn(*const List) -> i64,
    pub map_at: unsafe extern "C" fn(*mut Scratch, *mut *mut Map, Text, usize) -> *mut c_void,
    pub map_size: unsafe extern "C" fn(*const Map) -> i64,
    pub map_item: unsafe extern "C" fn(*const Map, i64) -> *mut c_void,
}

#[repr(C)]
pub struct Scratch {
    pub table: *const ScratchTable,
}
impl Scratch {
    pub fn counts_add(&mut self, counts: &mut *mut Counts, key: Text, by: i64) -> i64 {
        unsafe { ((*self.table).counts_add)(self, counts, key, by) }
    }
    pub fn counts_size(&self, counts: *const Counts) -> i64 {
        unsafe { ((*self.table).counts_size)(counts) }
    }
    pub fn counts_top(&self, counts: *const Counts) -> Text {
        unsafe { ((*self.table).counts_top)(counts) }
    }
}

// ---- lane.h ----

#[repr(i32)]
#[derive(Clone, Copy)]
pub enum Key {
    User = 1,
    Session,
    Own,
}

#[repr(C)]
pub struct Window {
    pub name: *const c_char,
    pub length_ms: i64,
    pub now_ms: i64,
    pub oldest_ms: i64,
    pub newest_ms: i64,
    pub records: i64,
    pub session: bool,
}

#[repr(C)]
pub struct Refusal {
    pub what: [c_char; 256],
    pub advice: [c_char; 256],
}
impl Refusal {
    /// Say why; false, for `open` to return.
    pub fn say(&mut self, what: &str, advice: &str) -> bool {
        for (to, from) in [(&mut self.what, what), (&mut self.advice, advice)] {
            for (i, byte) in from.bytes().take(255).chain(std::iter::once(0)).enumerate() {
                to[i] = byte as c_char;
            }
        }
        false
    }
}

#[repr(C)]
pub struct Records {
    pub table: *const c_void,
}

pub type Open = unsafe extern "C" fn(*mut c_void, *mut Refusal) -> bool;
pub type Close = unsafe extern "C" fn(*mut c_void);
pub type Extract = unsafe extern "C" fn(*const c_void, *const Event, *mut c_void) -> bool;
pub type Add = unsafe extern "C" fn(*const c_void, *mut Scratch, *mut c_void, *const c_void);
pub type Publish = unsafe extern "C" fn(*const c_void, *mut Scratch, *const Window, *const c_void, *mut c_void);
pub type ExtractMany = unsafe extern "C" fn(*const c_void, *const Event, *mut Records);
pub type Combine = unsafe extern "C" fn(*const c_void, *mut c_void, *const c_void) -> bool;
pub type Ages = unsafe extern "C" fn(*const c_void, *mut i64);

#[repr(C)]
pub struct Lane {
    pub struct_size: u32,
    pub key: Key,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub events: *const *const c_char,
    pub inputs: *const Input,
    pub params: *const Param,
    pub settings_size: usize,
    pub record_size: usize,
    pub record: *const Field,
    pub aggregate_size: usize,
    pub zero: *const c_void,
    pub values_size: usize,
    pub values: *const Field,
    pub open: Option<Open>,
    pub close: Option<Close>,
    pub extract: Option<Extract>,
    pub add: Option<Add>,
    pub publish: Option<Publish>,
    pub record_version: u32,
    pub key_name: *const c_char,
    pub extract_many: Option<ExtractMany>,
    pub bucket_ms: i64,
    pub combine: Option<Combine>,
    pub ages: Option<Ages>,
}
impl Lane {
    /// Everything else of a lane: `Lane { name: ..., ..Lane::NONE }`.
    pub const NONE: Lane = Lane {
        struct_size: std::mem::size_of::<Lane>() as u32,
        key: Key::User,
        name: std::ptr::null(),
        version: std::ptr::null(),
        summary: std::ptr::null(),
        events: std::ptr::null(),
        inputs: std::ptr::null(),
        params: std::ptr::null(),
        settings_size: 0,
        record_size: 0,
        record: std::ptr::null(),
        aggregate_size: 0,
        zero: std::ptr::null(),
        values_size: 0,
        values: std::ptr::null(),
        open: None,
        close: None,
        extract: None,
        add: None,
        publish: None,
        record_version: 0,
        key_name: std::ptr::null(),
        extract_many: None,
        bucket_ms: 0,
        combine: None,
        ages: None,
    };
}
unsafe impl Sync for Lane {}

// ---- metric.h ----

#[repr(C)]
pub struct Feature {
    pub name: *const c_char,
    pub kind: Type,
    pub help: *const c_char,
}
impl Feature {
    pub const END: Feature = Feature { name: std::ptr::null(), kind: Type::None, help: std::ptr::null() };
}

#[repr(C)]
pub union CellValue {
    pub flag: bool,
    pub i64: i64,
    pub f64: f64,
    pub text: Text,
    pub counts: *const Counts,
    pub list: *const List,
    pub pair: *const c_void,
}

#[repr(C)]
pub struct Cell {
    pub kind: Type,
    pub joined: bool,
    pub value: CellValue,
}
impl Cell {
    pub const ABSENT: Cell = Cell { kind: Type::None, joined: false, value: CellValue { i64: 0 } };
    pub fn i64(number: i64) -> Cell {
        Cell { kind: Type::I64, value: CellValue { i64: number }, ..Cell::ABSENT }
    }
    pub fn f64(number: f64) -> Cell {
        Cell { kind: Type::F64, value: CellValue { f64: number }, ..Cell::ABSENT }
    }
    pub fn money(micros: i64) -> Cell {
        Cell { kind: Type::Money, value: CellValue { i64: micros }, ..Cell::ABSENT }
    }
    pub fn text(text: Text) -> Cell {
        Cell { kind: Type::Text, value: CellValue { text }, ..Cell::ABSENT }
    }
}

pub type Compute = unsafe extern "C" fn(*const c_void, *mut Scratch, *const Window, *const c_void, *mut Cell);

/// As much of the table as this file uses: a shorter one is filled with "not there" by the host.
#[repr(C)]
pub struct Metric {
    pub struct_size: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub params: *const Param,
    pub settings_size: usize,
    pub values_size: usize,
    pub needs: *const Field,
    pub features: *const Feature,
    pub open: Option<Open>,
    pub close: Option<Close>,
    pub compute: Option<Compute>,
}
impl Metric {
    pub const NONE: Metric = Metric {
        struct_size: std::mem::size_of::<Metric>() as u32,
        name: std::ptr::null(),
        version: std::ptr::null(),
        summary: std::ptr::null(),
        params: std::ptr::null(),
        settings_size: 0,
        values_size: 0,
        needs: std::ptr::null(),
        features: std::ptr::null(),
        open: None,
        close: None,
        compute: None,
    };
}
unsafe impl Sync for Metric {}

// ---- plugin.h ----

#[repr(C)]
pub struct Plugin {
    pub struct_size: u32,
    pub sdk_major: u32,
    pub sdk_minor: u32,
    pub lane: *const Lane,
    pub metric: *const Metric,
}
unsafe impl Sync for Plugin {}

/// The ELF note that the host reads before it loads the file.
#[repr(C, align(4))]
pub struct Note {
    pub owner_size: u32,
    pub descriptor_size: u32,
    pub kind: u32,
    pub owner: [u8; 12],
    pub major: u32,
    pub minor: u32,
}

/// A list of declarations in a `static`: `static INPUTS: Static<[Input; 2]> = Static([...]);`
#[repr(transparent)]
pub struct Static<T>(pub T);
unsafe impl<T> Sync for Static<T> {}
impl<T, const N: usize> Static<[T; N]> {
    pub const fn list(&'static self) -> *const T {
        self.0.as_ptr()
    }
}

/// The host's texts are C's: `text!("product_view")`.
#[macro_export]
macro_rules! text {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const std::os::raw::c_char
    };
}

/// `field!(Record, help, Type::Bool, "it is a page of the help")`
#[macro_export]
macro_rules! field {
    ($structure:ty, $member:ident, $kind:expr, $help:expr) => {
        $crate::shoplane::Field {
            name: $crate::text!(stringify!($member)),
            help: $crate::text!($help),
            kind: $kind,
            offset: std::mem::offset_of!($structure, $member) as u32,
            size: {
                const fn size<T>(_: *const T) -> usize {
                    std::mem::size_of::<T>()
                }
                let whole = std::mem::MaybeUninit::<$structure>::uninit();
                size(unsafe { std::ptr::addr_of!((*whole.as_ptr()).$member) }) as u32
            },
        }
    };
}

/// `param_text!(Settings, sections, "help, returns", "what it is")`: a setting that is a text.
#[macro_export]
macro_rules! param_text {
    ($structure:ty, $member:ident, $default:expr, $help:expr) => {
        $crate::shoplane::Param {
            name: $crate::text!(stringify!($member)),
            help: $crate::text!($help),
            kind: $crate::shoplane::Type::Text,
            offset: std::mem::offset_of!($structure, $member) as u32,
            default_text: $crate::text!($default),
            ..$crate::shoplane::Param::END
        }
    };
}

/// The one symbol of the file, and its note. Either may be null.
#[macro_export]
macro_rules! plugin {
    ($lane:expr, $metric:expr) => {
        #[no_mangle]
        pub static shoplane_plugin_v1: $crate::shoplane::Plugin = $crate::shoplane::Plugin {
            struct_size: std::mem::size_of::<$crate::shoplane::Plugin>() as u32,
            sdk_major: $crate::shoplane::SDK_MAJOR,
            sdk_minor: $crate::shoplane::SDK_MINOR,
            lane: $lane,
            metric: $metric,
        };
        #[used]
        #[link_section = ".note.shoplane"]
        static SHOPLANE_NOTE: $crate::shoplane::Note = $crate::shoplane::Note {
            owner_size: 9,
            descriptor_size: 8,
            kind: 1,
            owner: *b"Shoplane\0\0\0\0",
            major: $crate::shoplane::SDK_MAJOR,
            minor: $crate::shoplane::SDK_MINOR,
        };
    };
}

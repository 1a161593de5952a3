//! help_pages.rs - a lane and a metric parser in Rust: how much of a visit goes to pages that help. Who reads about returns and sizes
//! may need a person.
#[path = "../../rust/shoplane.rs"]
mod shoplane;

use shoplane::*;
use std::ffi::CStr;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};

#[repr(C)]
struct Settings {
    sections: *const c_char,
    known: *mut &'static str, // these are not settings: a Vec's parts, made by open() of what `sections` says
    count: usize,
    capacity: usize,
}
static PARAMS: Static<[Param; 2]> =
    Static([param_text!(Settings, sections, "help, returns, sizes", "first parts of the paths of pages that help"), Param::END]);

static EVENTS: Static<[*const c_char; 2]> = Static([text!("page_view"), std::ptr::null()]);
const PATH: u32 = 0; // order of INPUTS
static INPUTS: Static<[Input; 2]> = Static([Input { name: text!("path"), path: text!("page_urlpath") }, Input::END]);

#[repr(C)]
struct Record {
    at: Stamp,
    helps: bool,
}
static RECORD: Static<[Field; 2]> = Static([field!(Record, helps, Type::Bool, "it is a page that helps"), Field::END]);

#[repr(C)]
struct Values {
    pages: i64,
    helping: i64,
}
static VALUES: Static<[Field; 3]> = Static([
    field!(Values, pages, Type::I64, "page views"),
    field!(Values, helping, Type::I64, "of these, of pages that help"),
    Field::END,
]);

// Memory may run out: what open() wants it asks for with try_reserve(), and the other functions want none.
unsafe extern "C" fn open(own: *mut c_void, refusal: *mut Refusal) -> bool {
    let (settings, refusal) = unsafe { (&mut *(own as *mut Settings), &mut *refusal) };
    let list: &'static str = unsafe { CStr::from_ptr(settings.sections) }.to_str().unwrap_or("");
    let mut known: Vec<&'static str> = Vec::new();
    if known.try_reserve_exact(list.split(',').count()).is_err() {
        return refusal.say("there is no memory for the sections", "name fewer of them");
    }
    known.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()));
    if known.is_empty() {
        return refusal.say("it names no section", "sections = \"help, returns\"");
    }
    let mut known = std::mem::ManuallyDrop::new(known);
    (settings.known, settings.count, settings.capacity) = (known.as_mut_ptr(), known.len(), known.capacity());
    true
}

unsafe extern "C" fn close(own: *mut c_void) {
    let settings = unsafe { &mut *(own as *mut Settings) };
    drop(unsafe { Vec::from_raw_parts(settings.known, settings.count, settings.capacity) });
}

unsafe extern "C" fn extract(own: *const c_void, event: *const Event, record: *mut c_void) -> bool {
    let (settings, event, record) = unsafe { (&*(own as *const Settings), &*event, &mut *(record as *mut Record)) };
    let known = unsafe { std::slice::from_raw_parts(settings.known, settings.count) };
    let path = event.view(PATH);
    let section = path.text().trim_start_matches('/').split('/').next().unwrap_or("");
    record.helps = known.iter().any(|name| name.eq_ignore_ascii_case(section));
    true
}

unsafe extern "C" fn add(_own: *const c_void, _scratch: *mut Scratch, aggregate: *mut c_void, record: *const c_void) {
    let (sum, record) = unsafe { (&mut *(aggregate as *mut Values), &*(record as *const Record)) };
    sum.pages += 1;
    sum.helping += i64::from(record.helps);
}

unsafe extern "C" fn publish(_own: *const c_void, _scratch: *mut Scratch, _window: *const Window, aggregate: *const c_void, values: *mut c_void) {
    unsafe { std::ptr::copy_nonoverlapping(aggregate as *const Values, values as *mut Values, 1) };
}

static LANE: Lane = Lane {
    key: Key::User,
    name: text!("help_pages"),
    version: text!("1.0.0"),
    summary: text!("pages that help, among the pages viewed"),
    events: EVENTS.list(),
    inputs: INPUTS.list(),
    params: PARAMS.list(),
    settings_size: size_of::<Settings>(),
    record_size: size_of::<Record>(),
    record: RECORD.list(),
    aggregate_size: size_of::<Values>(),
    values_size: size_of::<Values>(),
    values: VALUES.list(),
    open: Some(open),
    close: Some(close),
    extract: Some(extract),
    add: Some(add),
    publish: Some(publish),
    ..Lane::NONE
};

// ---- the parser: it needs both values ----

static FEATURES: Static<[Feature; 3]> = Static([
    Feature { name: text!("help_views"), kind: Type::I64, help: text!("views of pages that help") },
    Feature { name: text!("help_share"), kind: Type::F64, help: text!("these by all page views; absent if there was none") },
    Feature::END,
]);

unsafe extern "C" fn compute(_own: *const c_void, _scratch: *mut Scratch, _window: *const Window, values: *const c_void, out: *mut Cell) {
    let (values, out) = unsafe { (&*(values as *const Values), std::slice::from_raw_parts_mut(out, 2)) };
    out[0] = Cell::i64(values.helping);
    if values.pages > 0 {
        out[1] = Cell::f64(values.helping as f64 / values.pages as f64);
    }
}

static METRIC: Metric = Metric {
    name: text!("help_pages"),
    version: text!("1.0.0"),
    summary: text!("how much of what is viewed are pages that help"),
    values_size: size_of::<Values>(),
    needs: VALUES.list(),
    features: FEATURES.list(),
    compute: Some(compute),
    ..Metric::NONE
};

plugin!(&LANE, &METRIC);

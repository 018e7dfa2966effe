import Clibcap
import Glibc

/// The capability sets of the calling thread (capabilities(7), libcap(3)).
public enum CapabilitySets {
    /// Whether the calling thread may use it now (cap_get_proc(3)).
    public static func hasEffective(_ name: String) -> Bool {
        guard let value = number(name), let sets = cap_get_proc() else { return false }
        defer { cap_free(UnsafeMutableRawPointer(sets)) }
        var flag = CAP_CLEAR
        return cap_get_flag(sets, value, CAP_EFFECTIVE, &flag) == 0 && flag == CAP_SET
    }

    /// Drops from the bounding set all that is not in `kept`. Needs CAP_SETPCAP.
    public static func limitBounding(to kept: [String]) throws {
        let kept = Set(kept.compactMap(number))
        for value in known() where !kept.contains(value) && cap_get_bound(value) > 0 {
            try checked("PR_CAPBSET_DROP", on: "capability \(value)") { Int(cap_drop_bound(value)) }
        }
    }

    /// Sets the permitted, effective and inheritable sets, then the ambient one. Names that this kernel does not know
    /// are left out, as runc does.
    public static func apply(permitted: [String], effective: [String], inheritable: [String], ambient: [String]) throws
    {
        guard let sets = cap_init() else { throw SystemError("cap_init", on: "capabilities", .current) }
        defer { cap_free(UnsafeMutableRawPointer(sets)) }
        for (flag, names) in [(CAP_PERMITTED, permitted), (CAP_EFFECTIVE, effective), (CAP_INHERITABLE, inheritable)] {
            let values = supported(names)
            if values.isEmpty { continue }
            try checked("cap_set_flag", on: "capabilities") {
                Int(cap_set_flag(sets, flag, CInt(values.count), values, CAP_SET))
            }
        }
        try checked("capset", on: "capabilities") { Int(cap_set_proc(sets)) }
        try checked("PR_CAP_AMBIENT", on: "capabilities") { Int(cap_reset_ambient()) }
        for value in supported(ambient) {
            try checked("PR_CAP_AMBIENT_RAISE", on: "capability \(value)") { Int(cap_set_ambient(value, CAP_SET)) }
        }
    }

    private static func supported(_ names: [String]) -> [cap_value_t] {
        let known = known()
        return names.compactMap(number).filter { known.contains($0) }
    }

    /// The capabilities of the running kernel.
    private static func known() -> Range<cap_value_t> {
        var end: cap_value_t = 0
        while cap_get_bound(end) >= 0 { end += 1 }
        return 0..<end
    }

    /// The number of a name like `CAP_NET_ADMIN`.
    private static func number(_ name: String) -> cap_value_t? {
        var value: cap_value_t = 0
        return cap_from_name(name.lowercased(), &value) == 0 ? value : nil
    }
}

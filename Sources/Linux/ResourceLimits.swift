import CLinux

/// The calling process's resource limits by their names (getrlimit(2), bits/resource.h).
public enum ResourceLimits {
    private static let numbers: KeyValuePairs<String, CInt> = [
        "RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
        "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
        "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
    ]

    /// All of them; a value of `UInt64.max` is no limit.
    public static func current() throws -> [(type: String, soft: UInt64, hard: UInt64)] {
        try numbers.map { name, number in
            var (soft, hard): (UInt, UInt) = (0, 0)
            try check(linux_getrlimit(number, &soft, &hard), "getrlimit", on: name)
            return (name, UInt64(soft), UInt64(hard))
        }
    }

    /// False for a name that is none.
    public static func set(_ type: String, soft: UInt64, hard: UInt64) throws -> Bool {
        guard let number = numbers.first(where: { $0.key == type })?.value else { return false }
        try check(linux_setrlimit(number, UInt(soft), UInt(hard)), "setrlimit", on: "\(type) \(soft):\(hard)")
        return true
    }
}

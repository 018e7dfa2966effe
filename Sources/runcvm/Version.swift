import CVersion

/// What `runcvm --version` says: the number, and where scripts/build made it the commit, as in `0.1.0 (abc1234)`.
enum Version {
    static let number = "0.1.0"

    static var text: String {
        let commit = runcvm_commit().map { String(cString: $0) } ?? ""
        return commit.isEmpty ? number : "\(number) (\(commit))"
    }
}

import OCI

/// A verb as the user typed it.
enum VerbName {
    /// Throws `Failure.usage` where the first word is no verb, with the one that was most likely meant.
    static func check(_ arguments: [String], verbs: [String]) throws {
        guard let word = arguments.first, !word.hasPrefix("-"), word != "help", !verbs.contains(word) else { return }
        let remedy = closest(to: word, among: verbs).map { "; did you mean \($0)?" } ?? "; see runcvm --help"
        throw Failure(.usage, "unknown verb '\(word)'\(remedy)")
    }

    /// nil where nothing is near: a guess that is far off helps nobody.
    static func closest(to word: String, among verbs: [String]) -> String? {
        let ranked = verbs.map { verb in
            // As in create-tap: the two halves may be swapped.
            let swapped = verb.split(separator: "-").reversed().joined(separator: "-")
            return (verb: verb, steps: min(distance(word, verb), distance(word, swapped)))
        }
        return ranked.min { $0.steps < $1.steps }.flatMap { $0.steps <= max(1, $0.verb.count / 3) ? $0.verb : nil }
    }

    /// How many letters must be put in, left out, replaced, or swapped with the next (optimal string alignment).
    private static func distance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first.utf8), Array(second.utf8))
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}

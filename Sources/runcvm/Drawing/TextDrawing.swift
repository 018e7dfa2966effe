/// A network drawing for a terminal.
///
/// What a verb has made has a whole frame, what is only planned a dashed one.
struct TextDrawing {
    private let drawing: NetworkDrawing
    /// Of the text in each column's boxes.
    private let widths: [Int]
    /// Of the space before each column.
    private let gaps: [Int]
    private let margin: Int

    init(_ drawing: NetworkDrawing) {
        self.drawing = drawing
        let widths = drawing.widths
        self.widths = widths
        margin = (drawing.paths.flatMap(\.outside).map(TextWidth.of).max() ?? 0) + 1
        gaps = (0..<NetworkDrawing.columns).map { column in
            if column == 0 { return 2 }
            let longest = drawing.joint(before: column)
            return widths[column] == 0 ? 0 : longest == 0 ? 1 : longest + 2
        }
    }

    var text: String {
        var lines = [drawing.title]
        if !drawing.paths.isEmpty { lines += ["", realms] }
        for path in drawing.paths { lines += [start(of: 0, gap: false) + path.title] + rows(path) }
        if !drawing.notes.isEmpty { lines += [""] + drawing.notes }
        if drawing.hasPlanned { lines += ["", "dashed: planned, not made yet"] }
        return lines.map { "\(trimmed($0))\n" }.joined()
    }

    private var realms: String {
        let guest = start(of: NetworkDrawing.guest, gap: true).count
        return TextWidth.padded(start(of: 0, gap: true) + drawing.realms[0], to: guest) + drawing.realms[1]
    }

    /// Blanks up to a column's boxes.
    private func start(of column: Int, gap: Bool) -> String {
        let before = (0..<column).reduce(margin) { $0 + gaps[$1] + frame($1) }
        return String(repeating: " ", count: before + (gap || column == 0 ? gaps[column] : 0))
    }

    private func frame(_ column: Int) -> Int { widths[column] == 0 ? 0 : widths[column] + 4 }

    private func rows(_ path: NetworkDrawing.Path) -> [String] {
        let height = max(path.boxes.compactMap { $0?.lines.count }.max() ?? 0, path.outside.count)
        return (0..<height + 2).map { row in
            let outside = path.outside.indices.contains(row - 1) ? path.outside[row - 1] : ""
            var line = TextWidth.padded("", to: margin - 1 - TextWidth.of(outside)) + outside + " "
            for column in 0..<NetworkDrawing.columns {
                line += joint(path, column, row) + piece(path, column, row)
            }
            return line
        }
    }

    /// The wire before a column, at the height of the names.
    private func joint(_ path: NetworkDrawing.Path, _ column: Int, _ row: Int) -> String {
        let fits = drawing.joint(before: column) > 0
        return wire(gaps[column], row, fits ? path.joint(column) : "")
    }

    private func wire(_ width: Int, _ row: Int, _ word: String = "") -> String {
        guard row == 1 else { return String(repeating: " ", count: width) }
        let rest = max(0, width - TextWidth.of(word))
        return String(repeating: "─", count: rest / 2) + word + String(repeating: "─", count: rest - rest / 2)
    }

    /// One line of a box.
    private func piece(_ path: NetworkDrawing.Path, _ column: Int, _ row: Int) -> String {
        guard widths[column] > 0 else { return "" }
        guard let box = path.boxes[column] else { return wire(frame(column), row, path.joint(column + 1)) }
        let (edge, side) = box.isMade ? ("─", "│") : ("╌", "╎")
        let across = String(repeating: edge, count: widths[column] + 2)
        let isLast = column == NetworkDrawing.guest
        switch row {
        case 0: return "┌\(across)┐"
        case 1: return "┤ \(TextWidth.padded(box.lines[0], to: widths[column])) \(isLast ? side : "├")"
        case 2..<box.lines.count + 1:
            return "\(side) \(TextWidth.padded(box.lines[row - 1], to: widths[column])) \(side)"
        case box.lines.count + 1: return "└\(across)┘"
        default: return String(repeating: " ", count: frame(column))
        }
    }

    private func trimmed(_ line: String) -> Substring {
        var line = line[...]
        while line.last == " " { line.removeLast() }
        return line
    }
}

# Line coverage per crate, from an lcov trace: lines of `crates/NAME/src`, without the tests in them.
#
# -v floor=N  fails when a crate has less than N percent of its lines covered
# -v lines=1  also lists the lines that no test reaches
#
# Test modules would count as covered by running themselves: a file `tests.rs`, a module that only tests
# compile, and everything from an inline `mod tests` on, which stands last in its file.

function starts_tests(file,    number, line, marked, found) {
    while ((getline line < file) > 0) {
        number++
        if (marked && line ~ /^(pub\(crate\) )?mod [a-z_]+ \{$/) { found = number; break }
        marked = (line == "#[cfg(test)]")
    }
    close(file)
    return found
}

function list_missed(    text, i) {
    for (i = 1; i <= missed; i++) {
        text = text " " from[i] (to[i] > from[i] ? "-" to[i] : "")
    }
    if (missed) print source ":" text
}

/^SF:/ {
    source = substr($0, 4)
    skip = source !~ /crates\/[^\/]+\/src\// || source ~ /\/(tests|naive)\.rs$/
    if (skip) next
    sub(/^.*\/crates\//, "crates/", source)
    split(source, part, "/")
    crate = part[2]
    limit = starts_tests(source)
    missed = 0
}

/^DA:/ && !skip {
    split(substr($0, 4), field, ",")
    at = field[1] + 0
    if (limit && at >= limit) next
    if (!total[crate]++) name[++crates] = crate
    if (field[2] > 0) { hit[crate]++; last = -1; next }
    if (missed && last == at - 1) to[missed] = at
    else { missed++; from[missed] = to[missed] = at }
    last = at
}

/^end_of_record/ && !skip && lines { list_missed() }

END {
    printf "%-16s %7s %7s %9s\n", "crate", "lines", "tested", "percent"
    for (i = 1; i <= crates; i++) {
        crate = name[i]
        percent = total[crate] ? 100 * hit[crate] / total[crate] : 0
        low = percent < floor
        failed = failed || low
        printf "%-16s %7d %7d %8.1f%%%s\n", crate, total[crate], hit[crate], percent, low ? "  below " floor "%" : ""
    }
    exit failed
}

"""What a training run leaves behind: one row per epoch, as a table and as columns."""

from collections.abc import Iterable

# key of a row: (heading, format)
COLUMNS = {
    "epoch": ("epoch", "d"),
    "train_loss": ("train loss", ".4f"),
    "train_accuracy": ("train accuracy", ".2%"),
    "validation_loss": ("validation loss", ".4f"),
    "validation_accuracy": ("validation accuracy", ".2%"),
    "lr": ("learning rate", ".2g"),
    "seconds": ("seconds", ".1f"),
}


class History:
    """The epochs of a run: `history.rows` is a list of dicts, `history["train_loss"]` one column as a list.

    epoch: 1, 2, …
    train_loss, train_accuracy: means over the epoch's images, each seen by the network as it was at that step.
    validation_loss, validation_accuracy: means over the validation images after the epoch; absent without any.
    lr: learning rate of the epoch's last step.
    seconds: wall time of the epoch, validation included.

    Accuracies are fractions from 0 to 1. Shown in a notebook, or printed, a history is a table.
    """

    def __init__(self, rows: Iterable[dict] = ()):
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> list:
        if column not in self.columns:
            raise ValueError(f"column must be one of {', '.join(self.columns)}, got {column!r}")
        return [row[column] for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """The columns there are, in the table's order."""
        return [key for key in COLUMNS if not self.rows or key in self.rows[0]]

    @property
    def best(self) -> int:
        """The epoch with the highest validation accuracy; of equals the lowest loss, of equals the first."""
        return max(self.rows, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))["epoch"]

    def _table(self) -> list[list[str]]:
        """The headings, then one list of texts per epoch."""
        body = [[format(row[key], COLUMNS[key][1]) for key in self.columns] for row in self.rows]
        return [[COLUMNS[key][0] for key in self.columns], *body]

    def __repr__(self) -> str:
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in table
        )

    def _repr_html_(self) -> str:
        head, *body = self._table()
        heading = "".join(f'<th scope="col">{text}</th>' for text in head)
        rows = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in line) + "</tr>" for line in body)
        return f"<table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table>"

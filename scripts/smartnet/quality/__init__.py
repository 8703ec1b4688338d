"""What a person looks at before believing the data: contact sheets, a table, and a page of both."""

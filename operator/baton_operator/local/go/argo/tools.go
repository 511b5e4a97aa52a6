//go:build tools

// Package tools keeps the programs of a local Argo Workflows in go.mod.
package tools

import (
	_ "github.com/argoproj/argo-workflows/v4/cmd/argo"
	_ "github.com/argoproj/argo-workflows/v4/cmd/workflow-controller"
)
